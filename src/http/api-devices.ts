/** The routes of a device itself: how it is to connect, and how it is. */
import { createRoute, z } from "@hono/zod-openapi";
import type { DeviceRegistry } from "../core/device-registry.ts";
import type { DeviceStates } from "../core/device-states.ts";
import { Refused } from "../core/refusals.ts";
import type { Principal } from "../core/session.ts";
import type { ApiApp } from "./api-app.ts";
import { errorShape } from "./api-shapes.ts";
import { connectionShape, deviceStateShape, toldStateShape } from "./device-shapes.ts";

const json = <S extends z.ZodType>(schema: S) => ({ "application/json": { schema } });
const params = z.object({ id: z.string().max(64) });
const refused = {
  default: { description: "Refused: the one error object, explained at /docs/codes.", content: json(errorShape) },
};
const ownKey = { security: [{ key: [] }], tags: ["With a device's own key"] };

export const deviceRoutes = {
  connection: createRoute({
    ...ownKey,
    method: "get",
    path: "/devices/{id}/connection",
    summary: "How the device is to connect (its own key, or the grant `admin`)",
    request: { params },
    responses: { 200: { description: "Its settings now.", content: json(connectionShape) }, ...refused },
  }),
  tellState: createRoute({
    ...ownKey,
    method: "put",
    path: "/devices/{id}/state",
    summary: "What the device says of itself: whether its app is looked at, its battery (its own key, or `admin`)",
    request: { params, body: { required: true as const, content: json(toldStateShape) } },
    responses: { 200: { description: "How it is.", content: json(deviceStateShape) }, ...refused },
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
    context.header("cache-control", "no-store");
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
