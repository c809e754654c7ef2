import { describe, expect, test } from "bun:test";
import { everyRight } from "../../src/core/access.ts";
import { BridgeStatus, BridgeVoice } from "../../src/core/bridge-state.ts";
import { MapPicture } from "../../src/core/map-picture.ts";
import type { ChannelSettings } from "../../src/ports.ts";
import { stream } from "../fakes/channels.ts";
import { Setting } from "./setting.ts";

const map: ChannelSettings = { ...stream, kind: "map", queue: "latest" };

function build() {
  const setting = new Setting({ settingsOf: () => map });
  const { hub, clock, log } = setting;
  const voice = new BridgeVoice({ hub, clock, log, name: "house" });
  const entries = async (channel: string): Promise<Record<string, unknown>> => {
    const selector = { id: channel, names: [channel], patterns: [] };
    const { channels } = await hub.read(selector, { from: "now", history: 0 }, everyRight);
    return Object.fromEntries(
      (channels[0]?.publications ?? []).map(({ key, data }) => [key, JSON.parse(data) as unknown]),
    );
  };
  const offset = async (channel: string): Promise<number> =>
    (await hub.history(channel, { limit: 0 }, everyRight)).offset;
  return { ...setting, hub, clock, log, voice, entries, offset };
}

describe("A bridge's state", () => {
  test("is the map $bridges/<name>: state, since, last_event_at and last_error", async () => {
    const { voice, clock, log, entries } = build();
    const status = new BridgeStatus(voice, { clock, log });
    status.become("connecting");
    expect(await entries("$bridges/house")).toEqual({ state: "connecting", since: clock.now() });
    clock.advance(100);
    status.become("connected");
    const since = clock.now();
    clock.advance(1000);
    status.event();
    status.become("lost", "Cannot hear the house: it was closed");
    status.become("connecting");
    expect(await entries("$bridges/house")).toEqual({
      state: "connecting",
      since: since + 1000,
      last_event_at: since + 1000,
      last_error: "Cannot hear the house: it was closed",
    });
  });

  test("tells of events at once, and then every five seconds while they come", async () => {
    const { voice, clock, log, entries, offset } = build();
    const status = new BridgeStatus(voice, { clock, log });
    for (let at = 0; at < 100; at++) {
      status.event();
      clock.advance(100);
    }
    expect(await offset("$bridges/house")).toBe(3);
    clock.advance(60_000);
    expect(await offset("$bridges/house")).toBe(3);
    expect(await entries("$bridges/house")).toEqual({ last_event_at: clock.now() - 60_000 - 100 });
  });

  test("is neither told nor logged again while it is the same", async () => {
    const { voice, clock, log, offset } = build();
    const status = new BridgeStatus(voice, { clock, log });
    for (let at = 0; at < 3; at++) status.become("lost", "Cannot reach the house");
    expect([await offset("$bridges/house"), log.lines.length]).toEqual([3, 1]);
  });
});

describe("A map as its bridge told it", () => {
  test("is published in differences only", async () => {
    const { voice, entries, offset } = build();
    const picture = new MapPicture(voice, "house/lights");
    picture.replace(
      new Map([
        ["1", "1"],
        ["2", "2"],
      ]),
    );
    picture.set("1", "1");
    picture.replace(
      new Map([
        ["2", "2"],
        ["3", "3"],
      ]),
    );
    expect(await entries("house/lights")).toEqual({ "2": 2, "3": 3 });
    expect(await offset("house/lights")).toBe(4);
  });

  test("goes on from what the channel holds of an earlier run", async () => {
    const { hub, voice, offset } = build();
    new MapPicture(voice, "house/lights").replace(
      new Map([
        ["1", "1"],
        ["2", "2"],
      ]),
    );
    const later = new MapPicture(voice, "house/lights");
    await later.load(hub);
    later.replace(new Map([["1", "1"]]));
    expect(await offset("house/lights")).toBe(3);
  });
});
