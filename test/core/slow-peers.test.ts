import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Batch } from "../../src/core/form.ts";
import { OutgoingQueue } from "../../src/core/outgoing-queue.ts";
import { Refused } from "../../src/core/refusals.ts";
import type { Publication } from "../../src/ports.ts";
import { lineFraming } from "../fakes/outlet.ts";
import {
  fromNow,
  type Peer,
  PlainConversation,
  PlainForm,
  Setting,
  settingsByFirstLevel,
  somebody,
} from "./setting.ts";

/** A peer that listens and has stopped reading, with one publication in the kernel already. */
function stalled(setting: Setting, channel: string): Peer {
  const peer = setting.connect();
  setting.listen(peer, channel);
  setting.endTurn();
  peer.outlet.stopReading();
  setting.publish(channel, '"in the kernel"', channel.startsWith("states") ? "first" : undefined);
  setting.endTurn();
  return peer;
}

class LoudForm extends PlainForm {
  protected override encode(publication: Publication): string {
    return `${super.encode(publication)}!`;
  }
}

const hundred = `"${"x".repeat(98)}"`;

describe("a slow peer", () => {
  test("gets all that waited in one write when it reads on", () => {
    const setting = new Setting();
    const peer = stalled(setting, "a");
    for (let count = 0; count < 3; count++) {
      setting.publish("a", "1");
      setting.endTurn();
    }
    expect(peer.outlet.writes).toHaveLength(2);
    peer.outlet.readOn();
    expect(peer.outlet.writes.slice(2).map(({ parts }) => parts)).toEqual([["a#2 1", "a#3 1", "a#4 1"]]);
    expect(peer.session.queue).toBeUndefined();
    setting.publish("a", "2");
    setting.endTurn();
    expect(peer.outlet.received.at(-1)).toBe("a#5 2");
  });

  test("that lags again at once goes on queueing, in order", () => {
    const setting = new Setting();
    const peer = stalled(setting, "a");
    setting.publish("a", "2");
    setting.endTurn();
    peer.outlet.readOn();
    peer.outlet.stopReading();
    for (const data of ["3", "4"]) {
      setting.publish("a", data);
      setting.endTurn();
    }
    peer.outlet.readOn();
    expect(peer.outlet.received.slice(2)).toEqual(["a#2 2", "a#3 3", "a#4 4"]);
  });

  test("whose queue is over its bytes ends as slow, abruptly; others notice nothing", () => {
    const setting = new Setting();
    const peer = stalled(setting, "a");
    const other = setting.connect();
    setting.listen(other, "a");
    for (let count = 0; count < 9; count++) {
      setting.publish("a", hundred);
      setting.endTurn();
    }
    expect(peer.outlet.ends).toEqual([]);
    setting.publish("a", hundred);
    setting.endTurn();
    expect(peer.outlet.ends).toMatchObject([{ code: 3008, abrupt: true }]);
    expect(other.outlet.received).toHaveLength(11);
    expect(setting.hub.sessions.size).toBe(1);
  });

  test("has time for what was written in one piece, however large: only what waits behind it is measured", () => {
    const setting = new Setting();
    const peer = setting.connect();
    setting.listen(peer, "a");
    setting.endTurn();
    peer.outlet.stopReading();
    for (let n = 0; n < 20; n++) setting.publish("a", hundred);
    setting.endTurn();
    setting.publish("a", hundred);
    setting.endTurn();
    expect(peer.outlet.ends).toEqual([]);
    for (let n = 0; n < 10; n++) setting.publish("a", hundred);
    setting.endTurn();
    expect(peer.outlet.ends).toMatchObject([{ code: 3008, abrupt: true }]);
  });

  test("in which something waits for longer than may be ends as slow, though nothing more comes", () => {
    const setting = new Setting();
    const peer = stalled(setting, "a");
    setting.publish("a");
    setting.endTurn();
    setting.clock.advance(5000);
    expect(peer.outlet.ends).toEqual([]);
    setting.clock.advance(1000);
    expect(peer.outlet.ends).toMatchObject([{ code: 3008, abrupt: true }]);
  });

  test("that reads a little has its age counted anew", () => {
    const setting = new Setting();
    const peer = stalled(setting, "a");
    for (let round = 0; round < 5; round++) {
      setting.publish("a");
      setting.endTurn();
      setting.clock.advance(4000);
      peer.outlet.readOn();
      peer.outlet.stopReading();
      setting.publish("a");
      setting.endTurn();
    }
    expect(peer.outlet.ends).toEqual([]);
  });

  test("of a `latest` channel keeps the latest only, and does not end by age", () => {
    const setting = new Setting();
    const peer = stalled(setting, "latest/a");
    for (let count = 2; count <= 100; count++) {
      setting.publish("latest/a", hundred);
      setting.endTurn();
    }
    setting.clock.advance(600_000);
    expect(peer.outlet.ends).toEqual([]);
    expect(peer.session.queue?.frames).toBe(1);
    peer.outlet.readOn();
    expect(peer.outlet.received.slice(2)).toEqual([`latest/a#100 ${hundred}`]);
  });

  test("of a `latest` map keeps the latest of each key, in order, removals too", () => {
    const setting = new Setting();
    const peer = stalled(setting, "states/a");
    setting.publish("states/a", "1", "x");
    setting.publish("states/a", "2", "y");
    setting.publish("states/a", "3", "x");
    setting.endTurn();
    setting.publish("states/a", "4", "z");
    setting.publish("states/a", "5", "y");
    setting.endTurn();
    peer.outlet.readOn();
    expect(peer.outlet.received.slice(2)).toEqual(["states/a#4 3", "states/a#5 4", "states/a#6 5"]);
    expect(peer.session.dropped).toBe(2);
  });

  test("that listens to a `latest` channel in two forms keeps the latest in both", () => {
    const setting = new Setting();
    const peer = setting.connect();
    setting.listen(peer, "latest/a");
    setting.subscribe(peer, ["latest/*"], fromNow, () => undefined, new LoudForm("loud"));
    setting.endTurn();
    peer.outlet.stopReading();
    for (const data of ["1", "2", "3", "4"]) {
      setting.publish("latest/a", data);
      setting.endTurn();
    }
    peer.outlet.readOn();
    const inKernel = ["latest/a#1 1", "latest/a#1 1!"];
    expect(peer.outlet.received.slice(1)).toEqual([...inKernel, "latest/a#4 4", "latest/a#4 4!"]);
    expect(peer.session.dropped).toBe(4);
  });

  test("of a `drop-oldest` channel loses the oldest, and is told so before what comes after", () => {
    const setting = new Setting();
    const peer = stalled(setting, "oldest/a");
    for (let count = 2; count <= 20; count++) {
      setting.publish("oldest/a", hundred);
      setting.endTurn();
    }
    setting.clock.advance(600_000);
    expect(peer.outlet.ends).toEqual([]);
    peer.outlet.readOn();
    const [notice, ...rest] = peer.outlet.received.slice(2);
    expect(notice).toBe("gap oldest/a");
    expect(rest.at(-1)).toBe(`oldest/a#20 ${hundred}`);
    expect(rest.length).toBe(8);
    expect(peer.session.dropped).toBe(11);
  });

  test("that lost nothing is told of no gap", () => {
    const setting = new Setting();
    const peer = stalled(setting, "oldest/a");
    setting.publish("oldest/a");
    setting.endTurn();
    peer.outlet.readOn();
    expect(peer.outlet.received.filter((frame) => frame.startsWith("gap"))).toEqual([]);
  });

  test("of a `drop-oldest` and a `disconnect` channel loses of the first only, and ends by the second's age", () => {
    const setting = new Setting();
    const peer = setting.connect();
    setting.listen(peer, "a", "oldest/a");
    setting.endTurn();
    peer.outlet.stopReading();
    for (const channel of ["a", "oldest/a", "a"]) {
      setting.publish(channel);
      setting.endTurn();
    }
    for (let count = 0; count < 20; count++) {
      setting.publish("oldest/a", hundred);
      setting.endTurn();
    }
    expect(peer.outlet.ends).toEqual([]);
    peer.outlet.readOn();
    expect(peer.outlet.received.filter((frame) => frame.startsWith("a#"))).toEqual(["a#1 1", "a#2 1"]);
    peer.outlet.stopReading();
    for (const channel of ["oldest/a", "a"]) {
      setting.publish(channel);
      setting.endTurn();
    }
    setting.clock.advance(7000);
    expect(peer.outlet.ends).toMatchObject([{ code: 3008 }]);
  });

  test("that is sent away gets all that waits, and the goodbye", () => {
    const setting = new Setting();
    const peer = setting.connect();
    setting.listen(peer, "a", "oldest/a");
    setting.endTurn();
    peer.outlet.stopReading();
    for (const channel of ["a", "a", "oldest/a"]) {
      setting.publish(channel);
      setting.endTurn();
    }
    for (let count = 0; count < 20; count++) setting.publish("oldest/a", hundred);
    setting.endTurn();
    peer.session.send("own");
    peer.session.end(new Refused("badRequest"));
    expect(peer.outlet.frames.slice(0, 4)).toEqual(["live", "a#1 1", "gap oldest/a", "a#2 1"]);
    expect(peer.outlet.frames.slice(-2)).toEqual(["own", "goodbye"]);
    expect(peer.outlet.ends).toMatchObject([{ code: 3501, abrupt: false }]);
    expect(setting.conversation.endings).toHaveLength(1);
  });

  test("that ends by the transport is forgotten with its queue", () => {
    const setting = new Setting();
    const peer = stalled(setting, "a");
    setting.publish("a");
    setting.endTurn();
    peer.outlet.breaks();
    setting.clock.advance(60_000);
    expect(peer.outlet.ends).toEqual([]);
    expect(setting.log.errors).toEqual([]);
  });
});

describe.each([false, true])("a peer that lags, where heartbeats ask for an answer: %p,", (asksForAnswer) => {
  const lagging = (setting: Setting): Peer => {
    const peer = setting.connect(somebody, Object.assign(new PlainConversation(), { asksForAnswer }));
    setting.listen(peer, "latest/a");
    setting.endTurn();
    peer.session.beatEvery(25_000);
    peer.outlet.stopReading();
    setting.publish("latest/a", hundred);
    setting.endTurn();
    return peer;
  };

  test("lives as long as it takes a little now and then", () => {
    const setting = new Setting();
    const peer = lagging(setting);
    for (let round = 0; round < 10; round++) {
      setting.clock.advance(40_000);
      setting.publish("latest/a");
      peer.outlet.readSome(10);
    }
    expect(peer.outlet.ends).toEqual([]);
    setting.clock.advance(90_000);
    expect(peer.outlet.ends).toMatchObject([{ code: 3012, abrupt: true }]);
  });

  test("lives as long as it takes all that it was sent, in its time", () => {
    const setting = new Setting();
    const peer = lagging(setting);
    for (let round = 0; round < 10; round++) {
      setting.publish("latest/a");
      setting.clock.advance(40_000);
      peer.outlet.readOn();
      peer.outlet.stopReading();
      setting.publish("latest/a");
      setting.endTurn();
    }
    expect(peer.outlet.ends).toEqual([]);
  });
});

test("a queue counts its bytes right, whatever comes, is superseded and is dropped (property)", () => {
  const policyOf = (channel: string) => settingsByFirstLevel(channel).queue;
  const limits = { bytes: 60, age: 1e9 };
  const channel = fc.constantFrom("a", "latest/a", "latest/b", "oldest/a", "oldest/b", "states/m");
  const arrival = fc.record({ channel, key: fc.constantFrom("x", "y"), size: fc.nat(9), shrink: fc.boolean() });
  fc.assert(
    fc.property(fc.array(arrival, { maxLength: 60 }), (arrivals) => {
      const queue = new OutgoingQueue(0);
      arrivals.forEach(({ channel: name, key, size, shrink }, at) => {
        const keyed = name.startsWith("states") ? { key } : {};
        const publication = { channel: name, offset: at, seq: at, time: 0, data: "1", ...keyed };
        queue.add(new Batch(lineFraming, ["é".repeat(size)], [publication]), 0, policyOf);
        if (shrink) queue.shrink(limits, 0, policyOf);
      });
      const { bytes, frames } = queue;
      const taken = queue.take();
      expect(taken.frames).toHaveLength(frames);
      expect(taken.frames.reduce((sum, frame) => sum + Buffer.byteLength(frame), 0)).toBe(bytes);
      expect([queue.bytes, queue.frames]).toEqual([0, 0]);
    }),
  );
});
