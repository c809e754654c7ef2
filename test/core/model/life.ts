/** What there is in the house of the model, and what can happen in it. */
import type { ChannelSettings } from "../../../src/ports.ts";
import { stream } from "../../fakes/channels.ts";

const few: ChannelSettings = { ...stream, history: { size: 4, ttl: 60_000 } };
const settings: Readonly<Record<string, ChannelSettings>> = {
  a: few,
  map: { ...few, kind: "map" },
  kept: { ...few, durable: "yes" },
  kmap: { ...few, kind: "map", durable: "sync" },
  late: { ...few, kind: "map", queue: "latest" },
  drop: { ...few, queue: "drop-oldest" },
  none: { ...few, history: { size: 0, ttl: 60_000 } },
};
export const channels = ["a/1", "a/2", "map/1", "kept/1", "kept/2", "kmap/1", "late/1", "drop/1", "none/1"] as const;
const volatile: Readonly<Record<string, string>> = { kept: "a", kmap: "map" };
export const selectors: readonly (readonly string[])[] = [
  ["a/1"],
  ["map/1"],
  ["kept/1"],
  ["kmap/1"],
  ["late/1"],
  ["drop/1"],
  ["a/1", "map/1", "kept/1"],
  ["a/*"],
  ["kept/*", "a/1"],
  ["**"],
];
export const clients = 3;
export const slots = 2;

export type BrokerKind = "embedded" | "journal" | "asynchronous";

export type Step =
  | {
      readonly do: "publish";
      readonly channel: string;
      readonly key: string;
      readonly removed: boolean;
      readonly times: number;
    }
  | {
      readonly do: "subscribe";
      readonly client: number;
      readonly slot: number;
      readonly selector: readonly string[];
    }
  | { readonly do: "unsubscribe"; readonly client: number; readonly slot: number }
  | { readonly do: "resubscribe"; readonly client: number; readonly slot: number; readonly fresh: boolean }
  | { readonly do: "disconnect" | "reconnect" | "stop" | "readOn" | "dismiss" | "say"; readonly client: number }
  | { readonly do: "endTurn" | "breathe" | "commit" | "refuse" | "deliver" | "take" }
  | { readonly do: "answer"; readonly which: number }
  | { readonly do: "wait"; readonly ms: number };

/** The settings of a channel; without a journal nothing is durable. */
export function settingsOf(kind: BrokerKind): (channel: string) => ChannelSettings {
  return (channel) => {
    const level = channel.split("/")[0] ?? "";
    return settings[kind === "journal" ? level : (volatile[level] ?? level)] ?? few;
  };
}
