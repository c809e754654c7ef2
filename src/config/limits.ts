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
  body_time: option(
    {
      is: "How long the body of a request may take to arrive; up to 8 s after it the connection is ended.",
      unit: "duration, of 4 s to 255 s",
      example: "1m",
    },
    duration({ least: 4000, most: 255_000 }).prefault("30s"),
  ),
  accept_rate: option(
    {
      is: "WebSockets, streams and polls that the gateway begins; what comes above is refused with 503 and `Retry-After`. 0 sets no limit.",
      unit: "connections per second",
      example: 500,
    },
    whole().prefault(10_000),
  ),
  connections: option(
    { is: "How many WebSockets, streams and polls may be open.", example: { address: 100 } },
    z
      .strictObject({
        address: option(
          { is: "From one address; 0 sets no limit.", unit: "connections", example: 100 },
          whole().prefault(20_000),
        ),
        key: option({ is: "By one key; 0 sets no limit.", unit: "connections", example: 10 }, whole().prefault(20_000)),
      })
      .prefault({}),
  ),
  commands: option(
    {
      is: "Commands that one session may send; what comes above is refused with 429. 0 sets no limit.",
      unit: "commands per second",
      example: 100,
    },
    whole().prefault(10_000),
  ),
  wrong_keys: option(
    {
      is: "Wrong keys, tickets and tokens that are looked at from one address; who shows more is refused with 429, unless with a key that was good from there before. 0 sets no limit.",
      unit: "credentials per second",
      example: 1,
    },
    whole().prefault(10),
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
  channels_per_key: option(
    {
      is: "Channels that hold something and that publications of one key began, or of all without a key; 0 sets no limit.",
      unit: "channels",
      example: 1000,
    },
    whole().prefault(100_000),
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
  publish_bytes: option(
    { is: "How many bytes of publications are taken; what comes above is refused with 429.", example: { key: "1MiB" } },
    z
      .strictObject({
        key: option(
          { is: "From all who use one key; 0 sets no limit.", unit: "size, per second", example: "1MiB" },
          size().prefault("64MiB"),
        ),
        address: option(
          { is: "From one address without a key; 0 sets no limit.", unit: "size, per second", example: "100KB" },
          size().prefault("16MiB"),
        ),
      })
      .prefault({}),
  ),
});
