/** The options of channels: pattern → settings; the first that matches a channel holds. */
import { z } from "zod";
import type { ChannelSettings, Durability } from "../ports.ts";
import { option } from "./option.ts";
import { duration, pattern, whole } from "./values.ts";

const history = z.strictObject({
  size: option(
    { is: "How many publications a channel remembers; 0 remembers none.", unit: "publications", example: 1000 },
    whole({ most: 1_000_000 }).prefault(100),
  ),
  ttl: option(
    { is: "How long a channel remembers a publication.", unit: "duration", example: "7d" },
    duration({ most: 3650 * 86_400_000 }).prefault("10m"),
  ),
});

const durabilities = new Map<boolean | "sync", Durability>([
  [false, "no"],
  [true, "yes"],
  ["sync", "sync"],
]);

const durable = z.codec(z.union([z.boolean(), z.literal("sync")]), z.enum(["no", "yes", "sync"]), {
  decode: (given) => durabilities.get(given) ?? "no",
  encode: (kept) => (kept === "sync" ? kept : kept === "yes"),
});

const written = z.strictObject({
  kind: option(
    { is: "`stream`: publications in order; `map`: the current value of each key.", example: "map" },
    z.enum(["stream", "map"]).prefault("stream"),
  ),
  history: option(
    { is: "How much of the past a returning client can catch up with.", example: { size: 1000, ttl: "7d" } },
    history.prefault({}),
  ),
  durable: option(
    {
      is: "Whether an acknowledged publication survives the end of the process (`true`), and also of the power (`sync`).",
      unit: "`false`, `true` or `sync`",
      example: true,
    },
    durable.prefault(false),
  ),
  presence: option(
    { is: "Whether the channel says who is there, and who comes and goes.", unit: "`true` or `false`", example: true },
    z.boolean().prefault(false),
  ),
  queue: option(
    {
      is: "What becomes of a session that reads too slowly: it is closed and catches up when it returns, gets only the latest value, or loses the oldest publications.",
      byDefault: "`disconnect` for streams, `latest` for maps",
      example: "drop-oldest",
    },
    z.enum(["disconnect", "latest", "drop-oldest"]).optional(),
  ),
});

const channel = z.codec(written, z.custom<ChannelSettings>(), {
  decode: (given, context) => {
    const queue = given.queue ?? (given.kind === "map" ? "latest" : "disconnect");
    if (given.kind === "map" && queue === "drop-oldest") {
      const message = "cannot be `drop-oldest` for a map: values would be missing; use `latest` or `disconnect`";
      context.issues.push({ code: "custom", input: given.queue, path: ["queue"], message });
    }
    return { ...given, queue };
  },
  encode: (settings) => ({ ...settings, history: { ...settings.history } }),
});

const ownPattern = pattern.refine(
  (name) => !name.startsWith("$"),
  "is reserved: such channels have settings of their own",
);

export const channels = z.map(
  ownPattern,
  option({ is: "Settings of the channels that match.", example: { kind: "map" } }, channel),
);
