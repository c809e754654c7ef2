/** The settings of each channel: those that are built in for reserved names, else the first entry that matches. */
import { PatternTable } from "../core/channels.ts";
import type { ChannelSettings, SettingsOf } from "../ports.ts";
import type { Config } from "./schema.ts";

const minute = 60_000;
const day = 24 * 60 * minute;

/** A channel that nobody said anything about. */
export const plainChannel: ChannelSettings = {
  kind: "stream",
  history: { size: 100, ttl: 10 * minute },
  durable: "no",
  presence: false,
  queue: "disconnect",
};

/** A device's inbox waits for it while it sleeps. */
const inbox: ChannelSettings = { ...plainChannel, history: { size: 1000, ttl: 7 * day }, durable: "yes" };
const toAllDevices: ChannelSettings = { ...plainChannel, history: { size: 1000, ttl: day }, durable: "yes" };

/** Names whose settings are remembered; beyond that the oldest are looked up again. */
const remembered = 65_536;

function reservedSettings(channel: string): ChannelSettings {
  if (channel === "$devices") return toAllDevices;
  return /^\$device\/[^/]+$/.test(channel) ? inbox : plainChannel;
}

export function settingsOf({ channels }: Pick<Config, "channels">): SettingsOf {
  const table = new PatternTable<ChannelSettings>();
  for (const [pattern, settings] of channels) table.add(pattern, settings);
  const known = new Map<string, ChannelSettings>();
  return (channel) => {
    const found = known.get(channel);
    if (found !== undefined) return found;
    const settings = channel.startsWith("$") ? reservedSettings(channel) : (table.match(channel)[0] ?? plainChannel);
    if (known.size >= remembered)
      for (const oldest of known.keys()) {
        known.delete(oldest);
        break;
      }
    known.set(channel, settings);
    return settings;
  };
}
