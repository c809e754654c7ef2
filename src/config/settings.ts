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

/** What a bridge tells of itself. */
const ofBridge: ChannelSettings = { ...plainChannel, kind: "map", queue: "latest" };

/** Names whose settings are remembered, in each of two generations: the older goes when the younger is full. */
const remembered = 32_768;

function reservedSettings(channel: string): ChannelSettings {
  if (channel === "$devices") return toAllDevices;
  if (channel.startsWith("$bridges/")) return ofBridge;
  return /^\$device\/[^/]+$/.test(channel) ? inbox : plainChannel;
}

export function settingsOf({ channels }: Pick<Config, "channels">): SettingsOf {
  const table = new PatternTable<ChannelSettings>();
  for (const [pattern, settings] of channels) table.add(pattern, settings);
  const look = (channel: string): ChannelSettings =>
    channel.startsWith("$") ? reservedSettings(channel) : (table.match(channel)[0] ?? plainChannel);
  let young = new Map<string, ChannelSettings>();
  let old = young;
  return (channel) => {
    const known = young.get(channel);
    if (known !== undefined) return known;
    const settings = old.get(channel) ?? look(channel);
    if (young.size >= remembered) {
      old = young;
      young = new Map();
    }
    young.set(channel, settings);
    return settings;
  };
}
