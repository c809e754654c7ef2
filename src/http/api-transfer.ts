/** The routes that carry keys and devices, or everything, out of the gateway and in again. */
import { createRoute, z } from "@hono/zod-openapi";
import { importIdentities, type TransferParts } from "../core/identity-transfer.ts";
import type { DeviceRecord, KeyRecord } from "../ports.ts";
import type { ApiApp } from "./api-app.ts";
import { grants, grantsOf, keyView } from "./api-shapes.ts";
import { admin, answer, body, refused } from "./route-shapes.ts";

const time = z.int().min(0);
const id = z.string().regex(/^[\w~-]{1,64}$/, "it must have 1 to 64 of A–Z a–z 0–9 _ ~ -");
const name = z.string().min(1).max(255);

const keptKey = z.strictObject({
  id,
  name,
  hash: z.string().regex(/^[0-9a-f]{64}$/, "it is no SHA-256 in hex"),
  grants,
  created: time,
  expires: time.optional(),
  last_used: time.optional(),
  device: id.optional(),
});

const keptDevice = z.strictObject({
  id,
  name,
  key_id: id,
  created: time,
  last_seen: time.optional(),
  channels: z.array(z.string().max(255)).max(10_000),
  cursor: z.string().max(64).optional(),
  settings: z.record(z.string().max(255), z.string().max(65_536)),
});

export const identitiesShape = z
  .strictObject({ hearthwire: z.literal("keys and devices, 1"), keys: z.array(keptKey), devices: z.array(keptDevice) })
  .openapi("Identities", {
    description: "Of keys it has the hashes: whoever has it can check keys, but not use them.",
  });

const counts = z.object({ added: z.int(), replaced: z.int(), unchanged: z.int() });
export const importedShape = z.object({ keys: counts, devices: counts }).openapi("Imported");

type KeptKey = z.output<typeof keptKey>;
type KeptDevice = z.output<typeof keptDevice>;

export const transferRoutes = {
  backup: createRoute({
    ...admin,
    method: "get",
    path: "/admin/backup",
    summary: "All that is kept, as of now: a tar file with `journal.db` and `keys.db`; see durability.md",
    responses: { 200: { description: "`application/x-tar`." }, ...refused },
  }),
  export: createRoute({
    ...admin,
    method: "get",
    path: "/admin/export",
    summary: "All keys (their hashes) and devices, for `POST /admin/import`",
    responses: { 200: answer("The document.", identitiesShape), ...refused },
  }),
  import: createRoute({
    ...admin,
    method: "post",
    path: "/admin/import",
    summary: "Adds keys and devices of another gateway: all or none",
    request: {
      query: z.object({
        replace: z
          .enum(["true", "false"])
          .optional()
          .openapi({ description: "`true`: what is there under the same id is replaced; sessions of such keys end." }),
      }),
      ...body(identitiesShape),
    },
    responses: { 200: answer("How many.", importedShape), ...refused },
  }),
};

/** Largest body of an import, in bytes. */
export const largestImport = 32 * 1024 * 1024;

export function addTransferRoutes(app: ApiApp, parts: TransferParts): void {
  app.openapi(transferRoutes.export, (context) => {
    const keys = parts.keys.list().map(keptKeyOf);
    const devices = parts.devices.list().map(keptDeviceOf);
    return context.json({ hearthwire: "keys and devices, 1" as const, keys, devices }, 200);
  });
  app.openapi(transferRoutes.import, (context) => {
    const { keys, devices } = context.req.valid("json");
    const given = { keys: keys.map(keyOf), devices: devices.map(deviceOf) };
    return context.json(importIdentities(parts, given, context.req.valid("query").replace === "true"), 200);
  });
}

export function addBackupRoute(app: ApiApp, backUp: () => Promise<ReadableStream<Uint8Array>>): void {
  app.get(transferRoutes.backup.path, async (context) => {
    const headers = {
      "content-type": "application/x-tar",
      "content-disposition": 'attachment; filename="hearthwire-backup.tar"',
    };
    return context.body(await backUp(), 200, headers);
  });
}

function keptKeyOf(record: KeyRecord): KeptKey {
  return { ...keyView(record), hash: record.hash };
}

function keyOf({ id, name, hash, grants, created, expires, last_used: lastUsed, device }: KeptKey): KeyRecord {
  return {
    id,
    name,
    hash,
    grants: grantsOf(grants),
    created,
    ...(expires === undefined ? {} : { expires }),
    ...(lastUsed === undefined ? {} : { lastUsed }),
    ...(device === undefined ? {} : { device }),
  };
}

function keptDeviceOf({ id, name, key, created, lastSeen, channels, cursor, settings }: DeviceRecord): KeptDevice {
  return {
    id,
    name,
    key_id: key,
    created,
    ...(lastSeen === undefined ? {} : { last_seen: lastSeen }),
    channels: [...channels],
    ...(cursor === undefined ? {} : { cursor }),
    settings: { ...settings },
  };
}

function deviceOf({ id, name, key_id: key, created, last_seen, channels, cursor, settings }: KeptDevice): DeviceRecord {
  return {
    id,
    name,
    key,
    created,
    ...(last_seen === undefined ? {} : { lastSeen: last_seen }),
    channels,
    ...(cursor === undefined ? {} : { cursor }),
    settings,
  };
}
