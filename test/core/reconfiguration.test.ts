import { expect, test } from "bun:test";
import { EmbeddedBroker } from "../../src/brokers/embedded/broker.ts";
import type { ChannelReading, ChannelSettings, Past, Receipt } from "../../src/ports.ts";
import { stream } from "../fakes/channels.ts";
import { settle } from "../fakes/clock.ts";
import { FakeJournal } from "../fakes/journal.ts";
import { outcome, Setting } from "./setting.ts";

/** A broker whose channels have settings that the test changes. */
function changing(before: Partial<ChannelSettings>) {
  let settings: ChannelSettings = { ...stream, ...before };
  const journal = new FakeJournal();
  const setting = new Setting({ settingsOf: () => settings, journal });
  const change = (after: Partial<ChannelSettings>): readonly string[] => {
    settings = { ...stream, ...after };
    return setting.broker.reconfigure?.() ?? [];
  };
  return { setting, journal, change };
}

function held({ broker }: Setting, channel: string): unknown {
  const page = broker.history(channel, { limit: -1 });
  return page instanceof Promise ? page : page.publications.map(({ offset }) => offset);
}

test("History becomes as long as the settings say, and what is kept stays in its place", () => {
  const { setting, change } = changing({ history: { size: 10, ttl: 600_000 } });
  for (let count = 0; count < 5; count++) setting.publish("a");
  expect(change({ history: { size: 2, ttl: 600_000 } })).toEqual([]);
  expect(held(setting, "a")).toEqual([4, 5]);
  setting.publish("a");
  expect(held(setting, "a")).toEqual([5, 6]);
  change({ history: { size: 3, ttl: 600_000 } });
  setting.publish("a");
  expect(held(setting, "a")).toEqual([5, 6, 7]);
});

test("A channel of another kind begins anew: no place in what it held is honoured", () => {
  const { setting, change } = changing({});
  const { epoch } = setting.publish("a");
  const position = { run: setting.hub.run, seq: 0 };
  expect(change({ kind: "map" })).toEqual(["a"]);
  const receipt = setting.publish("a", "1", "lamp");
  expect(receipt.offset).toBe(1);
  expect(receipt.epoch).not.toBe(epoch);
  const reading = setting.broker.read({ id: "a", names: ["a"], patterns: [] }, { from: "position", position });
  expect(reading).toMatchObject({ gap: true, channels: [{ as: "gap", kind: "map", offset: 1 }] });
});

test("What waits for the journal when its channel begins anew is refused, and what comes next is kept", async () => {
  const { setting, journal, change } = changing({ durable: "yes" });
  journal.holds = true;
  const sent = outcome(() => setting.publishLater("a"));
  const { epoch } = readingOf(setting);
  setting.endTurn();
  const waiting = outcome(() => setting.publishLater("a"));
  expect(change({ durable: "yes", kind: "map" })).toEqual(["a"]);
  expect(await waiting).toBe("not_available");
  journal.let();
  await settle();
  // It was on its way, and is forgotten with all before it.
  expect(await sent).toMatchObject({ epoch, offset: 1 });
  const next = outcome(() => setting.publishLater("a", "1", "lamp"));
  setting.endTurn();
  journal.let();
  // Neither is it heard by those who come back already, nor has it the place of what comes next.
  expect(await next).toMatchObject({ epoch: readingOf(setting).epoch, offset: 1 });
  expect(readingOf(setting).epoch).not.toBe(epoch);
  expect(readingOf(setting).publications).toMatchObject([{ key: "lamp" }]);
});

test("A channel that is made durable again honours no place that it had before, nor one of the time in between", async () => {
  const { setting, journal, change } = changing({ durable: "yes" });
  const publish = async (to: Setting): Promise<Receipt> => {
    const receipt = to.publishLater("a");
    to.endTurn();
    return await receipt;
  };
  await publish(setting);
  const { epoch, offset } = await publish(setting);
  const before = { run: setting.hub.run, seq: seqOf(setting) };
  change({});
  setting.publish("a");
  setting.publish("b");
  const between = { run: setting.hub.run, seq: seqOf(setting) - 1 };
  change({ durable: "yes" });
  const after = await publish(setting);
  expect(after.epoch).not.toBe(epoch);
  const now = { run: setting.hub.run, seq: seqOf(setting) };
  const successor = new Setting({ settingsOf: () => ({ ...stream, durable: "yes" }), journal: journal.crash() });
  if (successor.broker instanceof EmbeddedBroker) await successor.broker.start();
  for (const { broker } of [setting, successor]) {
    const as = (past: Past): unknown => {
      const reading = broker.read({ id: "a", names: ["a"], patterns: [] }, past);
      return reading instanceof Promise ? reading : reading.channels[0]?.as;
    };
    expect(as({ from: "offset", epoch, offset })).toBe("gap");
    expect(as({ from: "position", position: before })).toBe("gap");
    expect(as({ from: "position", position: between })).toBe("gap");
    expect(as({ from: "position", position: now })).toBe("missed");
    expect(as({ from: "offset", ...after })).toBe("missed");
  }
  expect(await publish(successor)).toMatchObject({ epoch: after.epoch, offset: after.offset + 1 });
});

function readingOf({ broker }: Setting): ChannelReading {
  const reading = broker.read({ id: "a", names: ["a"], patterns: [] }, { from: "now", history: 9 });
  const only = reading instanceof Promise ? undefined : reading.channels[0];
  if (only === undefined) throw new Error("Cannot read a");
  return only;
}

function seqOf({ broker }: Setting): number {
  const reading = broker.read({ id: "", names: [], patterns: [] }, { from: "now", history: 0 });
  return reading instanceof Promise ? Number.NaN : reading.position.seq;
}

test("Where presence is another, subscribers have to come back, and the channel goes on", () => {
  const { setting, change } = changing({});
  setting.publish("a");
  expect(change({ presence: true })).toEqual(["a"]);
  expect(held(setting, "a")).toEqual([1]);
});

test("Members leave also when their channel tells no presence any more", () => {
  const { setting, change } = changing({ presence: true });
  const { hub } = setting;
  const peer = setting.connect();
  setting.listen(peer, "a");
  change({});
  peer.outlet.breaks();
  change({ presence: true });
  expect(hub.presence("a", peer.session.rights)).toEqual([]);
});
