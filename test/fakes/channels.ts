/** Settings of channels in tests, from which those of a test differ in what it is about. */
import type { ChannelSettings } from "../../src/ports.ts";

export const stream: ChannelSettings = {
  kind: "stream",
  history: { size: 100, ttl: 600_000 },
  durable: "no",
  presence: false,
  queue: "disconnect",
};
