import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ChannelIndex } from "../../src/brokers/embedded/channel-index.ts";
import { ChannelLog } from "../../src/brokers/embedded/channel-log.ts";
import { HistoryStore } from "../../src/brokers/embedded/history-store.ts";
import { KeyedHash } from "../../src/core/keyed-hash.ts";
import { stream } from "./broker-bench.ts";

const secret = "of the tests";

function log(channel: string): ChannelLog {
  return new ChannelLog(new HistoryStore(), channel, stream, "epoch", 0);
}

/** Names of which several have the same hash. */
function alike(): string[] {
  const hash = new KeyedHash(secret);
  const seen = new Map<number, string>();
  const found: string[] = [];
  for (let number = 0; found.length < 8; number++) {
    // Those that only count up hardly ever meet.
    const name = `rooms/${((number * 2654435761) % 2 ** 32).toString(36)}`;
    const other = seen.get(hash.of(name));
    if (other !== undefined) found.push(other, name);
    seen.set(hash.of(name), name);
  }
  return found;
}

/** An index, and a map with the same in it. */
class Both {
  readonly index = new ChannelIndex(secret);
  readonly map = new Map<string, ChannelLog>();

  do(what: string, name: string): void {
    if (what === "set") {
      const one = log(name);
      this.index.set(one);
      this.map.set(name, one);
    } else if (what === "delete") {
      this.index.delete(name);
      this.map.delete(name);
    } else if (what === "fit") this.index.fit();
    expect(this.index.get(name)).toBe(this.map.get(name));
  }
}

describe("The index of channels", () => {
  const names = [...alike(), ...Array.from({ length: 60 }, (_, number) => `house/${number}`)];
  const name = fc.constantFrom(...names);
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant("set" as const), name }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant("delete" as const), name }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("fit" as const), name }) },
  );

  test("is a map by name, whoever comes, goes and has the same hash as another (property)", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const both = new Both();
        const { index, map } = both;
        for (const taken of steps) {
          both.do(taken.do, taken.name);
          expect(index.size).toBe(map.size);
        }
        for (const each of names) expect(index.get(each)).toBe(map.get(each));
        expect(new Set(index.values())).toEqual(new Set(map.values()));
        expect(new Set([...index.parts(7)].flat())).toEqual(new Set(map.values()));
      }),
    );
  });

  test("holds 100,000, gives back their room, and looks ahead without changing any", () => {
    const index = new ChannelIndex(secret);
    const all = Array.from({ length: 100_000 }, (_, number) => log(`rooms/${number}`));
    for (const one of all) index.set(one);
    expect(index.size).toBe(100_000);
    all[7]?.append({ channel: "rooms/7", offset: 1, seq: 1, time: 0, data: "1" });
    const expected = Array.from({ length: 200 }, (_, number) => `rooms/${number % 2 === 0 ? number : -number}`);
    index.expect(["rooms/7", ...expected]);
    expect(all.every((one) => index.get(one.channel) === one)).toBe(true);
    expect(index.get("rooms/-1")).toBeUndefined();
    for (const one of all.slice(3)) index.delete(one.channel);
    index.fit();
    expect([...index.values()]).toEqual(all.slice(0, 3));
    expect(index.get("rooms/2")).toBe(all[2] as ChannelLog);
    expect(index.get("rooms/7")).toBeUndefined();
  });

  test("finds what was expected and what was not, in whatever order it is asked, and whoever comes and goes (property)", () => {
    // Some have the hash of another.
    const many = [...alike(), ...Array.from({ length: 3000 }, (_, number) => `house/${number}`)];
    const near = fc.constantFrom(...many.slice(0, 10), "rooms/none");
    const step = fc.record({ do: fc.constantFrom("get", "get", "get", "get", "set", "delete"), name: near });
    const both = new Both();
    for (const name of many) both.do("set", name);
    fc.assert(
      fc.property(fc.array(near, { maxLength: 8 }), fc.array(step, { maxLength: 20 }), (expected, steps) => {
        both.index.expect(expected);
        // First as it was said.
        for (const name of expected.slice(0, 3)) both.do("get", name);
        for (const taken of steps) both.do(taken.do, taken.name);
      }),
      { numRuns: 500 },
    );
  });

  test("may have others come and go between two parts of it", () => {
    const index = new ChannelIndex(secret);
    for (let number = 0; number < 100; number++) index.set(log(`rooms/${number}`));
    const seen: string[] = [];
    for (const part of index.parts(10)) {
      seen.push(...part.map(({ channel }) => channel));
      index.delete(`rooms/${seen.length + 4}`);
      index.set(log(`others/${seen.length}`));
    }
    expect(new Set(seen).size).toBe(seen.length);
    for (const { channel } of index.values()) if (channel.startsWith("rooms/")) expect(seen).toContain(channel);
  });
});
