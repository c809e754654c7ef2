/** The server API's methods as data: what each is asked and answers. Its part of the OpenAPI document is made from them. */
import { z } from "zod";

const channel = z.string().min(1).meta({ description: "A channel's name." });
const user = z.string().meta({ description: "A user: `sub` of its token, or the id of its key." });
const client = z.string().meta({ description: "Only this session of the user." }).optional();
const place = { offset: z.int().min(0), epoch: z.string() };
const since = z.object({ offset: z.int().min(0), epoch: z.string().optional() });
const data = z.unknown().meta({ description: "Any JSON." });
const nothing = z.object({});

const publication = {
  data: data.optional(),
  b64data: z.string().optional().meta({ description: "The same JSON in base64." }),
  tags: z.record(z.string(), z.string()).optional(),
  idempotency_key: z
    .string()
    .max(255)
    .optional()
    .meta({ description: "A second publication with it gets the first one's answer, for five minutes." }),
  skip_history: z.boolean().optional().meta({
    description: "For those who listen now: it has no offset and is kept nowhere. A map channel refuses it (107).",
  }),
  delta: z.boolean().optional().meta({ description: "Taken and not needed: subscribers ask for deltas." }),
  key: z.string().optional().meta({ description: "The key, in a map channel." }),
  removed: z.boolean().optional().meta({ description: "Takes the key out of the map." }),
};
const receipt = z.object(place).partial().meta({ description: "Empty where the history is skipped." });
const fault = z.object({ code: z.int(), message: z.string() });

const clientInfo = z.object({
  user: z.string(),
  client: z.string(),
  conn_info: z.unknown().optional(),
  chan_info: z.unknown().optional(),
});
const kept = z.object({
  data,
  offset: z.int(),
  time: z.int().optional(),
  tags: z.record(z.string(), z.string()).optional(),
  key: z.string().optional(),
  removed: z.literal(true).optional(),
  info: clientInfo.optional(),
});

export interface ServerMethodShape {
  readonly summary: string;
  readonly request: z.ZodObject;
  readonly result: z.ZodObject;
}

export const serverShapes = {
  publish: {
    summary: "Publishes in a channel",
    request: z.object({ channel, ...publication }),
    result: receipt,
  },
  broadcast: {
    summary: "Publishes the same in many channels; each has a response of its own",
    request: z.object({ channels: z.array(channel).min(1).max(10_000), ...publication }),
    result: z.object({ responses: z.array(z.object({ result: receipt.optional(), error: fault.optional() })) }),
  },
  subscribe: {
    summary: "Subscribes the sessions of a user to a channel",
    request: z.object({
      user,
      channel,
      client,
      session: client,
      data: data.optional(),
      info: data.optional().meta({ description: "What others in the channel are told of them. Any JSON." }),
      recover_since: since.optional().meta({ description: "What came after it is told first." }),
    }),
    result: nothing,
  },
  unsubscribe: {
    summary: "Ends the subscription of a user's sessions to a channel",
    request: z.object({ user, channel, client, session: client }),
    result: nothing,
  },
  disconnect: {
    summary: "Ends the sessions of a user, over any protocol",
    request: z.object({
      user,
      client,
      session: client,
      whitelist: z.array(z.string()).optional().meta({ description: "Sessions that may stay." }),
      disconnect: z
        .object({ code: z.int().min(3000).max(4999), reason: z.string().max(123).optional() })
        .optional()
        .meta({ description: "Default: 3503, not to come back. Of your own: 4000–4499 come back, 4500–4999 do not." }),
    }),
    result: nothing,
  },
  refresh: {
    summary: "Says anew when the sessions of a user end",
    request: z.object({
      user,
      client,
      session: client,
      expired: z.boolean().optional().meta({ description: "Now: they are to come back with a new token (3005)." }),
      expire_at: z.number().min(0).optional().meta({ description: "In seconds since 1970; absent for never." }),
    }),
    result: nothing,
  },
  presence: {
    summary: "Who is in a channel (its configuration has `presence: true`)",
    request: z.object({ channel }),
    result: z.object({ presence: z.record(z.string(), clientInfo) }),
  },
  presence_stats: {
    summary: "How many are in a channel",
    request: z.object({ channel }),
    result: z.object({ num_clients: z.int(), num_users: z.int() }),
  },
  history: {
    summary: "What was published in a channel",
    request: z.object({
      channel,
      limit: z.int().optional().meta({ description: "0 or absent: only the position; negative: all." }),
      since: since.optional(),
      reverse: z.boolean().optional(),
    }),
    result: z.object({ publications: z.array(kept), ...place }),
  },
  history_remove: {
    summary: "Forgets what was published in a channel; the entries of a map stay",
    request: z.object({ channel }),
    result: nothing,
  },
  channels: {
    summary: "Channels that hold something or have subscribers",
    request: z.object({
      pattern: z.string().optional().meta({ description: "`*` is one level, `**` the rest; absent: `**`." }),
    }),
    result: z.object({ channels: z.record(z.string(), z.object({ num_clients: z.int() })) }),
  },
  info: {
    summary: "The gateway's nodes",
    request: nothing,
    result: z.object({
      nodes: z.array(
        z.object({
          uid: z.string(),
          name: z.string(),
          version: z.string(),
          num_clients: z.int(),
          num_users: z.int(),
          num_subs: z.int(),
          num_channels: z.int(),
          uptime: z.int().meta({ description: "Seconds." }),
        }),
      ),
    }),
  },
  rpc: {
    summary: "Calls a method, as `POST /calls/<method>` does",
    request: z.object({ method: z.string(), params: data.optional(), data: data.optional() }),
    result: z.object({ data }),
  },
  batch: {
    summary: "Several of the others, one after the other or at the same time; the replies are in their order",
    request: z.object({
      commands: z
        .array(z.record(z.string(), z.unknown()))
        .max(10_000)
        .meta({ description: 'Each like {"publish": {"channel": …, "data": …}}.' }),
      parallel: z.boolean().optional(),
    }),
    result: z.object({ replies: z.array(z.record(z.string(), z.unknown())) }),
  },
} as const satisfies Record<string, ServerMethodShape>;

export type ServerMethod = keyof typeof serverShapes;
export type ServerRequest<M extends ServerMethod> = z.output<(typeof serverShapes)[M]["request"]>;

export function isServerMethod(name: string): name is ServerMethod {
  return Object.hasOwn(serverShapes, name);
}
