import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ChannelLog } from "../../src/brokers/embedded/channel-log.ts";
import { HistoryStore } from "../../src/brokers/embedded/history-store.ts";
import type { ChannelSettings, Publication } from "../../src/ports.ts";
import { stream } from "./broker-bench.ts";

const segmentSize = 4;
const ttl = 100;

function settings(size: number): ChannelSettings {
  return { ...stream, history: { size, ttl } };
}

interface Channel {
  readonly log: ChannelLog;
  /** What its history has. */
  list: Publication[];
  /** The `seq` of the newest that it no longer has. */
  gone: number;
  size: number;
}

/** A store, channels that keep their histories in it, and beside each of them a list of what its history has. */
class Stage {
  readonly store = new HistoryStore(segmentSize);
  readonly channels: Channel[];
  seq = 0;
  now = 1000;

  constructor(sizes: readonly number[]) {
    this.channels = sizes.map((size, at) => ({
      log: new ChannelLog(this.store, `rooms/${at}`, settings(size), "epoch", 0),
      list: [],
      gone: 0,
      size,
    }));
  }

  publish(at: number, draft: Partial<Publication>, ahead = 1): void {
    const channel = this.#at(at);
    this.seq += ahead;
    const { log } = channel;
    const publication = {
      channel: log.channel,
      offset: log.offset + 1,
      seq: this.seq,
      time: this.now,
      data: `"${this.seq}"`,
      ...draft,
    };
    log.append(publication);
    this.#expire(channel);
    channel.list.push(publication);
    this.#trim(channel);
  }

  expire(at: number): void {
    const channel = this.#at(at);
    channel.log.expire(this.now);
    this.#expire(channel);
  }

  forget(at: number): void {
    const channel = this.#at(at);
    channel.log.forget();
    leave(channel, 0);
  }

  resize(at: number, size: number): void {
    const channel = this.#at(at);
    channel.size = size;
    channel.log.adopt(settings(size));
    this.#trim(channel);
  }

  check(): void {
    let held = 0;
    for (const { log, list, gone } of this.channels) {
      held += list.length;
      expect(log.page({ limit: -1 })).toEqual(list);
      expect(log.held).toBe(list.length);
      expect(log.trimmedSeq).toBe(gone);
      const middle = list[Math.floor(list.length / 2)];
      if (middle === undefined) continue;
      const since = { epoch: "epoch", offset: middle.offset };
      expect(log.page({ limit: 2, since })).toEqual(list.filter(({ offset }) => offset > since.offset).slice(0, 2));
      for (const ahead of [0, list.length, 2 * list.length + 3]) {
        const place = { epoch: "epoch", offset: middle.offset + ahead };
        const before = list.filter(({ offset }) => offset < place.offset);
        expect(log.page({ limit: 2, since: place, reverse: true })).toEqual(before.reverse().slice(0, 2));
      }
      const past = { from: "position", position: { run: "", seq: middle.seq - 1 } } as const;
      expect(log.read(past, true).publications).toEqual(list.filter(({ seq }) => seq >= middle.seq));
    }
    expect(this.store.held).toBe(held);
  }

  #at(at: number): Channel {
    const channel = this.channels[at % this.channels.length];
    if (channel === undefined) throw new Error("There are no channels");
    return channel;
  }

  #expire(channel: Channel): void {
    const young = channel.list.findIndex(({ time }) => time >= this.now - ttl);
    leave(channel, young === -1 ? 0 : channel.list.length - young);
  }

  #trim(channel: Channel): void {
    leave(channel, channel.size);
  }
}

/** Lets go of all but the last `count`. */
function leave(channel: Channel, count: number): void {
  const surplus = channel.list.length - count;
  if (surplus <= 0) return;
  channel.gone = channel.list[surplus - 1]?.seq ?? channel.gone;
  channel.list = channel.list.slice(surplus);
}

const at = fc.nat({ max: 3 });
const draft = fc.oneof(
  { weight: 6, arbitrary: fc.record({ data: fc.json() }) },
  { weight: 1, arbitrary: fc.constant({ data: `"${"x".repeat(2000)}"` }) },
  { weight: 2, arbitrary: fc.record({ tags: fc.constant({ room: "hall" }), info: fc.constant("{}") }) },
  { weight: 1, arbitrary: fc.constant({ tags: { a: "", b: "", c: "", d: "", e: "" } }) },
);
const step = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.record({
      do: fc.constant("publish" as const),
      at,
      draft,
      ahead: fc.integer({ min: 1, max: 3 }),
      times: fc.integer({ min: 1, max: 9 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: -30, max: 60 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("expire" as const), at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("forget" as const), at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("resize" as const), at, size: fc.nat({ max: 30 }) }) },
  { weight: 1, arbitrary: fc.constant({ do: "clean" as const }) },
);

describe("The store of histories", () => {
  test("gives back what each channel's history has, packed or not, and counts it (property)", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const stage = new Stage([0, 1, 3, 20]);
        for (const one of steps) {
          if (one.do === "publish")
            for (let time = 0; time < one.times; time++) stage.publish(one.at, one.draft, one.ahead);
          else if (one.do === "wait") stage.now += one.ms;
          else if (one.do === "expire") stage.expire(one.at);
          else if (one.do === "forget") stage.forget(one.at);
          else if (one.do === "resize") stage.resize(one.at, one.size);
          else stage.store.clean();
          stage.check();
        }
      }),
    );
  });

  test("what no history has any more takes no more memory than what histories have, and a little", () => {
    const stage = new Stage([1, 1, 5, 400]);
    for (let number = 0; number < 20_000; number++) stage.publish(number % 7, {});
    const { store } = stage;
    expect(store.held).toBe(407);
    expect(store.size).toBeLessThan(2 * 407 + 11 * segmentSize);
    for (const channel of stage.channels.keys()) stage.forget(channel);
    while (store.wasteful) store.clean();
    expect(store.held).toBe(0);
    expect(store.size).toBeLessThan(11 * segmentSize);
    stage.publish(0, {});
    stage.check();
  });

  test("a history of size 0 keeps nothing, whatever it kept before, and one that gets a size keeps again", () => {
    const stage = new Stage([3]);
    for (const size of [3, 0, 1, 0, 7, 2, 3]) {
      stage.resize(0, size);
      stage.check();
      for (let number = 0; number < 5; number++) {
        stage.publish(0, {});
        stage.check();
      }
    }
  });

  test("a channel's ring is given back when its history is empty, and when it has got a larger one", () => {
    const stage = new Stage(new Array<number>(9000).fill(100));
    const { store } = stage;
    // Were they kept, these would be more than a block.
    const ends = [
      (at: number): void => stage.forget(at),
      (at: number): void => {
        stage.now += ttl + 1;
        stage.expire(at);
      },
      (at: number): void => stage.resize(at, 0),
    ];
    for (const end of ends) {
      for (const at of stage.channels.keys()) {
        stage.publish(at, {});
        end(at);
      }
      expect(store.rings.room).toBe(2 ** 14);
    }
    stage.resize(0, 100);
    for (let round = 0; round < 300; round++) {
      for (let number = 0; number < 100; number++) stage.publish(0, {});
      stage.forget(0);
    }
    // A block of each of its sizes.
    expect(store.rings.room).toBe(7 * 2 ** 14);
  });

  test("what is large takes no memory when its history is without it", () => {
    const stage = new Stage([1]);
    for (let number = 0; number < 100; number++) stage.publish(0, { data: `"${"x".repeat(100_000)}"` });
    expect(stage.store.size).toBe(1);
    for (let number = 0; number < 100; number++) stage.publish(0, { tags: { a: "", b: "", c: "", d: "", e: "" } });
    expect(stage.store.size).toBe(1);
  });

  test("what is left of few is packed with what is left of others, and memory is given back among them as among many", () => {
    // The first keeps one of each 20, all others go at once.
    const stage = new Stage([1000, 1]);
    for (let number = 0; number < 20_000; number++) stage.publish(number % 20 === 0 ? 0 : 1, {});
    const { store } = stage;
    expect(store.held).toBe(1001);
    expect(store.segments).toBeLessThan((2 * 1001) / segmentSize);
    stage.resize(1, 5000);
    for (let number = 0; number < 40_000; number++) stage.publish(1, {});
    expect(store.size).toBeLessThan(2 * 6000 + 12 * segmentSize);
    stage.check();
  });

  test("what was never published is not mistaken for another", () => {
    const stage = new Stage([100]);
    for (let number = 0; number < 20; number++) stage.publish(0, {}, 2);
    for (let seq = 1; seq < 40; seq += 2) expect(() => stage.store.get(seq)).toThrow("is not held");
  });

  test("a publication of a time that has not come yet lets those after it go in time", () => {
    const stage = new Stage([10]);
    stage.now = 1_000_000;
    stage.publish(0, {});
    stage.now = 1000;
    for (let number = 0; number < 20; number++) stage.publish(0, {});
    stage.now += ttl + 1;
    stage.expire(0);
    expect(stage.channels[0]?.log.held).toBe(0);
  });

  test("who reads the same gets the same list, so that it is worded once, until it is forgotten", () => {
    const stage = new Stage([100]);
    for (let number = 0; number < 100; number++) stage.publish(0, {});
    const [{ log } = expect.unreachable()] = stage.channels;
    const read = log.page({ limit: -1 });
    for (let other = 1; other < 8; other++) log.page({ limit: 20 + other });
    for (let few = 1; few < 16; few++) log.page({ limit: few });
    expect(log.page({ limit: -1 })).toBe(read);
    log.page({ limit: 50 });
    expect(log.page({ limit: -1 })).not.toBe(read);
    const again = log.page({ limit: -1 });
    stage.store.forgetParts();
    expect(log.page({ limit: -1 })).not.toBe(again);
    stage.publish(0, { data: `"${"x".repeat(2 ** 21)}"` });
    expect(log.page({ limit: -1 })).not.toBe(log.page({ limit: -1 }));
    stage.check();
  });
});
