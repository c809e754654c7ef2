/** What one peer may ask of the gateway. */
import { z } from "zod";
import { option } from "./option.ts";
import { duration, size, whole } from "./values.ts";

export const limits = z.strictObject({
  unauthenticated: option(
    { is: "How long a WebSocket without rights may take to send its key.", unit: "duration", example: "10s" },
    duration({ least: 1 }).prefault("3s"),
  ),
  publication: option(
    {
      is: "The largest publication. What programs of a house write into the Unix socket may have 1 MB; one of this size still fits `limits.queue.bytes`.",
      unit: "size",
      example: "64KB",
    },
    size({ least: 1, most: 2 ** 30 }).prefault("1MiB"),
  ),
  body: option(
    {
      is: "The largest body of a request, message of a WebSocket, or command in the Unix socket: several publications, or one and what stands around it.",
      unit: "size",
      example: "16MiB",
    },
    size({ least: 1, most: 2 ** 31 - 1 }).prefault("4MiB"),
  ),
  subscriptions: option(
    { is: "Channels and patterns that one session may be subscribed to.", unit: "subscriptions", example: 100 },
    whole({ least: 1 }).prefault(1000),
  ),
  queue: option(
    { is: "What may wait for a session that reads too slowly.", example: { bytes: "4MiB", age: "30s" } },
    z
      .strictObject({
        bytes: option(
          { is: "How much may wait.", unit: "size", example: "4MiB" },
          size({ least: 1024 }).prefault("1MiB"),
        ),
        age: option(
          { is: "How long something may wait.", unit: "duration", example: "30s" },
          duration({ least: 100 }).prefault("10s"),
        ),
      })
      .prefault({}),
  ),
  channels: option(
    { is: "Channels that the gateway holds at once.", unit: "channels", example: 10_000 },
    whole({ least: 1 }).prefault(1_000_000),
  ),
  publish_rate: option(
    { is: "How many publications are taken; what comes above is refused with 429.", example: { key: 100 } },
    z
      .strictObject({
        key: option(
          { is: "From all who use one key; 0 sets no limit.", unit: "publications per second", example: 100 },
          whole().prefault(10_000),
        ),
        address: option(
          { is: "From one address without a key; 0 sets no limit.", unit: "publications per second", example: 10 },
          whole().prefault(1000),
        ),
      })
      .prefault({}),
  ),
});
