/** The routes of a device itself: how it is to connect, and how it is. */
import { createRoute } from "@hono/zod-openapi";
import type { DeviceRegistry } from "../core/device-registry.ts";
import type { DeviceStates } from "../core/device-states.ts";
import { Refused } from "../core/refusals.ts";
import type { Principal } from "../core/session.ts";
import type { ApiApp } from "./api-app.ts";
import { connectionShape, deviceStateShape, toldStateShape } from "./device-shapes.ts";
import { answer, body, idParams, ownKey, refused } from "./route-shapes.ts";

export const deviceRoutes = {
  connection: createRoute({
    ...ownKey,
    method: "get",
    path: "/devices/{id}/connection",
    summary: "How the device is to connect (its own key, or the grant `admin`)",
    request: idParams,
    responses: { 200: answer("Its settings now.", connectionShape), ...refused },
  }),
  tellState: createRoute({
    ...ownKey,
    method: "put",
    path: "/devices/{id}/state",
    summary: "What the device says of itself: whether its app is looked at, its battery (its own key, or `admin`)",
    request: { ...idParams, ...body(toldStateShape) },
    responses: { 200: answer("How it is.", deviceStateShape), ...refused },
  }),
};

export interface DeviceRouteParts {
  readonly devices: DeviceRegistry;
  readonly states: DeviceStates;
}

export function addDeviceRoutes(app: ApiApp, { devices, states }: DeviceRouteParts): void {
  app.openapi(deviceRoutes.connection, (context) => {
    const { id } = context.req.valid("param");
    requireDevice(context.env.principal(), id);
    return context.json(devices.connection(id), 200);
  });

  app.openapi(deviceRoutes.tellState, (context) => {
    const { id } = context.req.valid("param");
    requireDevice(context.env.principal(), id);
    const { app: looked, battery } = context.req.valid("json");
    devices.connection(id);
    const told = { ...(looked && { app: looked }), ...(battery !== undefined && { battery }) };
    return context.json(states.tell(id, told), 200);
  });
}

/** Nobody learns from the answer whether there is another device of that id. */
function requireDevice({ id, device, rights }: Principal, asked: string): void {
  if (device === asked || rights.mayAny("admin")) return;
  if (id === "anonymous") throw new Refused("unauthorized", "Cannot answer for a device without its key: send it");
  throw new Refused("permissionDenied", "Cannot answer for a device with a key that is not its own");
}
