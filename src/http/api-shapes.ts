/** The shapes of what the API takes and answers, from which its OpenAPI document is made. */
import { z } from "@hono/zod-openapi";
import { verbs } from "../core/access.ts";
import { patternFault } from "../core/channels.ts";
import type { Addresses, DeviceConnection } from "../core/device-connection.ts";
import type { KeyedDevice } from "../core/device-registry.ts";
import type { DeviceState } from "../core/device-states.ts";
import type { DeviceRecord, Grants, KeyRecord, Verb } from "../ports.ts";
import { type addressesShape, connectionShape, deviceStateShape } from "./device-shapes.ts";

const name = z.string().min(1).max(255).openapi({ example: "kitchen tablet" });
export const time = z.int().openapi({ description: "Milliseconds since 1970.", example: 1_790_000_000_000 });

const patternsOf = (verb: Verb) =>
  z.array(
    z
      .string()
      .max(1024)
      .superRefine((pattern, context) => {
        const fault = patternFault(verb === "call" ? pattern.replaceAll(".", "/") : pattern);
        if (fault !== undefined) context.addIssue({ code: "custom", message: `it is no pattern: ${fault}` });
      }),
  );

const grantsShape = Object.fromEntries(verbs.map((verb) => [verb, patternsOf(verb).optional()])) as Record<
  Verb,
  z.ZodOptional<ReturnType<typeof patternsOf>>
>;

export const grants = z.strictObject(grantsShape).openapi("Grants", {
  description: "Patterns of channels by what may be done with them; for `call` method names, `*` and `**` by `.`.",
  example: { subscribe: ["home/**"], publish: ["home/kitchen"] },
});

export const keyShape = z
  .object({
    id: z.string(),
    name,
    grants,
    created: time,
    expires: time.optional(),
    last_used: time.optional(),
    device: z.string().optional().openapi({ description: "The device whose key it is." }),
  })
  .openapi("Key");

const keyText = z.string().openapi({ description: "The key itself: told this once.", example: "hw_<id>_<secret>" });

export const newKeyShape = keyShape.extend({ key: keyText }).openapi("NewKey");

export const keyWish = z
  .strictObject({
    name,
    grants,
    expires_in: z
      .int()
      .min(1)
      .max(100 * 366 * 86_400)
      .optional()
      .openapi({ description: "Seconds after which it is no longer valid; forever if absent." }),
  })
  .openapi("KeyWish");

const settings = z.record(z.string(), z.string());
/** Names with a `/` are the protocols' own. */
const settingName = z.string().regex(/^[\w.-]{1,100}$/, "it must have 1 to 100 of A–Z a–z 0–9 _ . -");

export const deviceShape = z
  .object({
    id: z.string(),
    name,
    key_id: z.string().openapi({ description: "The id of its key." }),
    created: time,
    last_seen: time.optional(),
    channels: z.array(z.string()).openapi({ description: "Channels that backends subscribed it to." }),
    settings,
    sessions: z.int().optional().openapi({ description: "How many sessions it has now; absent if no gateway runs." }),
    state: deviceStateShape
      .optional()
      .openapi({ description: "How it is; absent if it was not here since the start." }),
  })
  .openapi("Device");

export const newDeviceShape = deviceShape.extend({ key: keyText, connection: connectionShape }).openapi("NewDevice");

export const deviceWish = z.strictObject({ name, grants: grants.optional() }).openapi("DeviceWish");

export const deviceChanges = z
  .strictObject({
    name: name.optional(),
    settings: z
      .record(settingName, z.string().max(4096).nullable())
      .optional()
      .openapi({ description: "Added to those that it has; `null` takes one away." }),
  })
  .openapi("DeviceChanges");

export const statusShape = z
  .object({
    version: z.string(),
    run: z.string().openapi({ description: "The name of this run; new at each start." }),
    started: time,
    ready: z.boolean(),
    reasons: z.array(z.string()).openapi({ description: "Why it is not ready." }),
    addresses: z.array(
      z.object({
        listen: z.string(),
        protocol: z.string().optional().openapi({ description: "The one that is spoken there; absent for all." }),
        url: z.string(),
      }),
    ),
    unix_socket: z.string().optional(),
    data: z.string().openapi({ description: "The data directory." }),
    journal: z
      .object({
        waiting: z.int().openapi({ description: "Publications that wait for the disk." }),
        lag: z.number().openapi({ description: "How long the oldest of them has waited, in ms." }),
        commits: z.int().openapi({ description: "Transactions since the start." }),
        syncs: z.int().openapi({ description: "Those of them with an fsync." }),
        kept: z.int().openapi({ description: "Publications kept since the start." }),
        failing: z.string().optional().openapi({ description: "Why nothing can be kept now." }),
      })
      .openapi({ description: "Where durable channels are kept." }),
    sessions: z.int(),
    bridges: z
      .array(
        z.object({
          name: z.string(),
          state: z.string().openapi({ example: "connected" }),
          since: time,
          last_event_at: time.optional(),
          last_error: z.string().optional().openapi({ description: "The last trouble, which may be over." }),
        }),
      )
      .openapi({ description: "Connections to home systems." }),
    keys: z.int(),
    devices: z.int(),
    devices_connected: z.int().openapi({ description: "Those of them that are here now." }),
  })
  .openapi("Status");

export const ticketShape = z
  .object({ ticket: z.string(), expires_in: z.int().openapi({ description: "Seconds.", example: 30 }) })
  .openapi("Ticket");

export const presenceShape = z
  .object({
    channel: z.string(),
    members: z.array(
      z.object({
        client: z.string().openapi({ description: "The session." }),
        user: z.string().openapi({ description: "The id of its key." }),
      }),
    ),
  })
  .openapi("Presence");

export const readinessShape = z
  .object({ ready: z.boolean(), reasons: z.array(z.string()).openapi({ description: "Why it is not ready." }) })
  .openapi("Readiness");

export const errorShape = z
  .object({
    error: z.object({
      code: z.int().openapi({ example: 103 }),
      name: z.string().openapi({ example: "permission_denied" }),
      message: z.string(),
      doc: z.string().openapi({ example: "/docs/codes#103" }),
    }),
  })
  .openapi("Error");

export type KeyView = z.output<typeof keyShape>;
export type StatusView = z.output<typeof statusShape>;
export type DeviceView = z.output<typeof deviceShape>;
export type NewDeviceView = z.output<typeof newDeviceShape>;

/** Grants without the verbs that nothing was said of. */
export function grantsOf(given: z.output<typeof grants>): Grants {
  return Object.fromEntries(Object.entries(given).filter(([, patterns]) => patterns !== undefined));
}

export function grantsView(grants: Grants): KeyView["grants"] {
  return Object.fromEntries(Object.entries(grants).map(([verb, patterns]) => [verb, [...patterns]]));
}

export function keyView({ id, name, grants, created, expires, lastUsed, device }: KeyRecord): KeyView {
  return {
    id,
    name,
    grants: grantsView(grants),
    created,
    ...(expires === undefined ? {} : { expires }),
    ...(lastUsed === undefined ? {} : { last_used: lastUsed }),
    ...(device === undefined ? {} : { device }),
  };
}

/** How a device is now, where a gateway runs. */
export interface DeviceLife {
  readonly sessions: number;
  readonly state: DeviceState | undefined;
}

export function newDeviceView(
  { device, key }: KeyedDevice,
  connection: DeviceConnection,
  life?: DeviceLife,
): NewDeviceView {
  return { ...deviceView(device, life), key, connection: { ...connection, ...addressesView(connection) } };
}

export function addressesView({ internal, external }: Addresses): z.output<typeof addressesShape> {
  return { ...(internal && { internal: { ...internal } }), ...(external && { external: { ...external } }) };
}

export function deviceView(device: DeviceRecord, life?: DeviceLife): DeviceView {
  const { id, name, key, created, lastSeen, channels, settings } = device;
  return {
    id,
    name,
    key_id: key,
    created,
    ...(lastSeen === undefined ? {} : { last_seen: lastSeen }),
    channels: [...channels],
    settings: Object.fromEntries(Object.entries(settings).filter(([name]) => !name.includes("/"))),
    ...(life && { sessions: life.sessions, ...(life.state && { state: life.state }) }),
  };
}
