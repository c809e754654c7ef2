/** The routes of keys and devices; a command serves itself from them when no gateway runs. */
import type { DeviceRegistry } from "../core/device-registry.ts";
import type { Keyring } from "../core/keyring.ts";
import type { ApiApp } from "./api-app.ts";
import { routes } from "./api-routes.ts";
import { addressesView, type DeviceLife, deviceView, grantsOf, keyView, newDeviceView } from "./api-shapes.ts";

export interface IdentityParts {
  readonly keyring: Keyring;
  readonly devices: DeviceRegistry;
  /** How a device is; absent when no gateway runs. */
  readonly lifeOf?: (device: string) => DeviceLife;
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

function addDeviceRoutes(app: ApiApp, { devices, lifeOf }: IdentityParts): void {
  app.openapi(routes.listDevices, (context) =>
    context.json({ devices: devices.list().map((device) => deviceView(device, lifeOf?.(device.id))) }, 200),
  );

  app.openapi(routes.addresses, (context) => context.json(addressesView(devices.addresses), 200));

  app.openapi(routes.addDevice, (context) => {
    const { name, grants = {} } = context.req.valid("json");
    const added = devices.add({ name, grants: grantsOf(grants) });
    const { id } = added.device;
    return context.json(newDeviceView(added, devices.connection(id), lifeOf?.(id)), 201);
  });

  app.openapi(routes.setDevice, (context) => {
    const { id } = context.req.valid("param");
    const device = devices.set(id, context.req.valid("json"));
    return context.json(deviceView(device, lifeOf?.(id)), 200);
  });

  app.openapi(routes.rotateDevice, (context) => {
    const { id } = context.req.valid("param");
    const rotated = devices.rotate(id);
    return context.json(newDeviceView(rotated, devices.connection(id), lifeOf?.(id)), 200);
  });

  app.openapi(routes.removeDevice, (context) => {
    devices.remove(context.req.valid("param").id);
    return context.body(null, 204);
  });
}
