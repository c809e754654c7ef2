/** The routes of keys and devices; a command serves itself from them when no gateway runs. */
import type { DeviceRegistry } from "../core/device-registry.ts";
import type { Keyring } from "../core/keyring.ts";
import type { ApiApp } from "./api-app.ts";
import { routes } from "./api-routes.ts";
import { deviceView, grantsOf, keyView } from "./api-shapes.ts";

export interface IdentityParts {
  readonly keyring: Keyring;
  readonly devices: DeviceRegistry;
  /** How many sessions a device has; absent when no gateway runs. */
  readonly sessionsOf?: (device: string) => number;
}

export function addIdentityRoutes(app: ApiApp, parts: IdentityParts): void {
  addKeyRoutes(app, parts);
  addDeviceRoutes(app, parts);
}

function addKeyRoutes(app: ApiApp, { keyring }: IdentityParts): void {
  app.openapi(routes.listKeys, (context) => context.json({ keys: keyring.list().map(keyView) }, 200));

  app.openapi(routes.createKey, (context) => {
    const { name, grants, expires_in: seconds } = context.req.valid("json");
    const lifetime = seconds === undefined ? undefined : seconds * 1000;
    const { key, record } = keyring.create({ name, grants: grantsOf(grants), lifetime });
    return context.json({ ...keyView(record), key }, 201);
  });

  app.openapi(routes.revokeKey, (context) => {
    keyring.revoke(context.req.valid("param").id);
    return context.body(null, 204);
  });
}

function addDeviceRoutes(app: ApiApp, { devices, sessionsOf }: IdentityParts): void {
  app.openapi(routes.listDevices, (context) =>
    context.json({ devices: devices.list().map((device) => deviceView(device, sessionsOf?.(device.id))) }, 200),
  );

  app.openapi(routes.addDevice, (context) => {
    const { name, grants = {} } = context.req.valid("json");
    const { device, key } = devices.add({ name, grants: grantsOf(grants) });
    return context.json({ ...deviceView(device, sessionsOf?.(device.id)), key }, 201);
  });

  app.openapi(routes.setDevice, (context) => {
    const { id } = context.req.valid("param");
    const device = devices.set(id, context.req.valid("json"));
    return context.json(deviceView(device, sessionsOf?.(id)), 200);
  });

  app.openapi(routes.rotateDevice, (context) => {
    const { id } = context.req.valid("param");
    const { device, key } = devices.rotate(id);
    return context.json({ ...deviceView(device, sessionsOf?.(id)), key }, 200);
  });

  app.openapi(routes.removeDevice, (context) => {
    devices.remove(context.req.valid("param").id);
    return context.body(null, 204);
  });
}
