/** The settings of each channel: those that are built in for reserved names, else the first entry that matches. */
import { PatternTable } from "../core/channels.ts";
import { deviceStatesChannel } from "../core/device-states.ts";
import type { ChannelKind, ChannelSettings, SettingsOf } from "../ports.ts";
import { bridgeChannels } from "./bridges.ts";
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

/** What bridges and devices tell of themselves. */
const told: ChannelSettings = { ...plainChannel, kind: "map", queue: "latest" };

/** Names whose settings are remembered, in each of two generations: the older goes when the younger is full. */
const remembered = 4096;

function reservedSettings(channel: string): ChannelSettings {
  if (channel === "$devices") return toAllDevices;
  if (channel.startsWith("$bridges/") || channel === deviceStatesChannel) return told;
  return /^\$device\/[^/]+$/.test(channel) ? inbox : plainChannel;
}

/** Events of a house that nobody said anything about: some hours of them, for phones that come home. */
const events: ChannelSettings = { ...plainChannel, history: { size: 10_000, ttl: 6 * 60 * minute } };
const state: ChannelSettings = {
  ...plainChannel,
  kind: "map",
  history: { size: 1000, ttl: 10 * minute },
  queue: "latest",
};

/** The kinds of the channels that bridges publish on, which nobody chooses. */
function bridgeKinds({ bridges }: Pick<Config, "bridges">): ReadonlyMap<string, ChannelKind> {
  return new Map(
    [...bridges].flatMap(([name, { type }]) =>
      Object.entries(bridgeChannels[type]).map(([channel, kind]) => [`${name}/${channel}`, kind] as const),
    ),
  );
}

/** Settings as chosen, but for the kind and what does not go with it. */
function ofKind(kind: ChannelKind, chosen: ChannelSettings | undefined): ChannelSettings {
  if (chosen === undefined) return kind === "map" ? state : events;
  if (chosen.kind === kind) return chosen;
  return { ...chosen, kind, queue: kind === "map" ? "latest" : "disconnect" };
}

/** What says which channels are durable, as text: the same text says the same. */
export function durableRules({ channels }: Pick<Config, "channels">): string {
  const all: readonly (readonly [string, ChannelSettings])[] = [
    ["$devices", toAllDevices],
    ["$device/*", inbox],
    ["$**", told],
    ...channels,
    ["**", plainChannel],
  ];
  return JSON.stringify(all.map(([pattern, { durable }]) => [pattern, durable !== "no"]));
}

export function settingsOf({ channels, bridges }: Pick<Config, "channels" | "bridges">): SettingsOf {
  const kinds = bridgeKinds({ bridges });
  const table = new PatternTable<ChannelSettings>();
  for (const [pattern, settings] of channels) table.add(pattern, settings);
  const look = (channel: string): ChannelSettings => {
    if (channel.startsWith("$")) return reservedSettings(channel);
    const chosen = table.match(channel)[0];
    const kind = kinds.get(channel);
    return kind === undefined ? (chosen ?? plainChannel) : ofKind(kind, chosen);
  };
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
