import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { everyRight, Rights } from "../../src/core/access.ts";
import { Idempotency } from "../../src/core/idempotency.ts";
import { AcceptRate, PublishRate, RateLimit } from "../../src/core/rate.ts";
import { Refused } from "../../src/core/refusals.ts";
import type { Receipt } from "../../src/ports.ts";
import { FakeClock } from "../fakes/clock.ts";
import { outcome, principal, Setting } from "./setting.ts";

describe("idempotency", () => {
  function make() {
    const clock = new FakeClock();
    const idempotency = new Idempotency(clock);
    let published = 0;
    const publish = (): Receipt => ({ channel: "a", offset: ++published, epoch: "e" });
    return { clock, idempotency, publish, count: () => published };
  }

  test("answers the same key of the same publisher the same for five minutes, and publishes once", () => {
    const { clock, idempotency, publish, count } = make();
    const first = idempotency.once("anna", "k", publish);
    clock.advance(5 * 60_000 - 1);
    expect(idempotency.once("anna", "k", publish)).toBe(first);
    expect(count()).toBe(1);
    clock.advance(1);
    expect(idempotency.once("anna", "k", publish)).toMatchObject({ offset: 2 });
  });

  test("tells publishers and keys apart", () => {
    const { idempotency, publish, count } = make();
    for (const [who, key] of [
      ["anna", "k"],
      ["ben", "k"],
      ["anna", "l"],
    ] as const)
      expect(idempotency.once(who, key, publish)).toMatchObject({ channel: "a" });
    expect(count()).toBe(3);
  });

  test("publishes once also when the second comes while the first is not answered", async () => {
    const { idempotency } = make();
    const { promise, resolve } = Promise.withResolvers<Receipt>();
    let published = 0;
    const slow = () => {
      published++;
      return promise;
    };
    const answers = [idempotency.once("anna", "k", slow), idempotency.once("anna", "k", slow)];
    resolve({ channel: "a", offset: 7, epoch: "e" });
    expect(await Promise.all(answers)).toMatchObject([{ offset: 7 }, { offset: 7 }]);
    expect(published).toBe(1);
  });

  test("does not remember a refusal, thrown or rejected", async () => {
    const { idempotency, publish } = make();
    const refuse = (): never => {
      throw new Refused("notAvailable");
    };
    expect(await outcome(() => idempotency.once("anna", "k", refuse))).toBe("not_available");
    const reject = () => Promise.reject<Receipt>(new Refused("notAvailable"));
    const both = [1, 2].map(() => outcome(() => idempotency.once("anna", "k", reject)));
    expect(await Promise.all(both)).toEqual(["not_available", "not_available"]);
    expect(idempotency.once("anna", "k", publish)).toMatchObject({ offset: 1 });
  });
});

describe("a rate limit", () => {
  /** The seconds after which to come back, if it is refused. */
  function refused(limit: RateLimit, subject = "anna", count = 1): number | undefined {
    try {
      limit.take(subject, "publications", count);
      return undefined;
    } catch (thrown) {
      if (!(thrown instanceof Refused)) throw thrown;
      expect(thrown.refusal).toMatchObject({ status: 429, code: 111 });
      return thrown.retryAfter;
    }
  }

  test("lets a second's worth through at once, then refuses and says for how long", () => {
    const clock = new FakeClock();
    const limit = new RateLimit(clock, 10);
    for (let count = 0; count < 10; count++) expect(refused(limit)).toBeUndefined();
    expect(refused(limit)).toBe(1);
    expect(refused(limit, "ben")).toBeUndefined();
    clock.advance(100);
    expect(refused(limit)).toBeUndefined();
    expect(refused(limit)).toBe(1);
  });

  test("counts many at once, and lets through what is more than a second's worth only to who has taken nothing", () => {
    const clock = new FakeClock();
    const limit = new RateLimit(clock, 10);
    expect(refused(limit, "anna", 8)).toBeUndefined();
    expect(refused(limit, "anna", 8)).toBe(1);
    expect(refused(limit, "anna", 2)).toBeUndefined();
    expect(refused(limit, "ben", 50)).toBeUndefined();
    expect(refused(limit, "ben")).toBe(5);
  });

  test("says no longer than it takes (property)", () => {
    const perSecond = fc.constantFrom(0.2, 0.5, 1, 3, 10, 1000);
    const takes = fc.array(fc.record({ count: fc.integer({ min: 1, max: 30 }), wait: fc.nat(3000) }), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(perSecond, takes, (rate, all) => {
        const clock = new FakeClock();
        const limit = new RateLimit(clock, rate);
        for (const { count, wait } of all) {
          clock.advance(wait);
          const after = refused(limit, "anna", count);
          if (after === undefined) continue;
          expect(after).toBeGreaterThan(0);
          // A second less is too early, so long is long enough.
          clock.advance((after - 1) * 1000);
          if (after > 1) expect(refused(limit, "anna", count)).toBe(1);
          clock.advance(1000);
          expect(refused(limit, "anna", count)).toBeUndefined();
        }
      }),
      { numRuns: 500 },
    );
  });

  test("never lets through more than its rate and one burst (property)", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(400), { maxLength: 200 }), (waits) => {
        const clock = new FakeClock();
        const begun = clock.now();
        const limit = new RateLimit(clock, 10);
        let taken = 0;
        for (const wait of waits) {
          clock.advance(wait);
          if (refused(limit) === undefined) taken++;
          expect(taken).toBeLessThanOrEqual(10 + (clock.now() - begun) / 100);
        }
      }),
    );
  });

  test("of 0 is none", () => {
    const limit = new RateLimit(new FakeClock(), 0);
    for (let count = 0; count < 1000; count++) limit.take("anna", "publications");
  });
});

describe("the rate of publishing", () => {
  test("counts bytes as well, of a key whatever its address, and of an address without one", async () => {
    const clock = new FakeClock();
    const rate = new PublishRate(clock, { key: 0, address: 0 }, { key: 100, address: 10 });
    const anna = principal("anna");
    const stranger = principal("anonymous");
    rate.take(anna, "192.0.2.1", "x".repeat(60));
    expect(await outcome(() => rate.take(anna, "192.0.2.2", "x".repeat(60)))).toBe("too_many_requests");
    rate.take(stranger, "192.0.2.1", "ééééé");
    expect(await outcome(() => rate.take(stranger, "192.0.2.1", "x"))).toBe("too_many_requests");
    rate.take(stranger, "192.0.2.2", "x");
    clock.advance(1000);
    rate.take(stranger, "192.0.2.1", "x");
  });
});

describe("the rate of accepting", () => {
  function refusedAfter(rate: AcceptRate): number | undefined {
    try {
      rate.take();
      return undefined;
    } catch (thrown) {
      expect(thrown).toMatchObject({ refusal: { status: 503, code: 3013, comeBack: true } });
      return (thrown as Refused).retryAfter;
    }
  }

  test("spreads a storm over as many seconds as it takes", () => {
    const clock = new FakeClock();
    const rate = new AcceptRate(clock, 10);
    const told = Array.from({ length: 35 }, () => refusedAfter(rate));
    expect(told.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => undefined));
    expect(told.slice(10)).toEqual([...Array(10).fill(1), ...Array(10).fill(2), ...Array(5).fill(3)]);
    clock.advance(1000);
    for (let count = 0; count < 10; count++) expect(refusedAfter(rate)).toBeUndefined();
    // Fifteen of them are still to come.
    expect(refusedAfter(rate)).toBe(2);
  });

  test("of 0 is none", () => {
    const rate = new AcceptRate(new FakeClock(), 0);
    for (let count = 0; count < 1000; count++) rate.take();
  });
});

describe("a session", () => {
  test("that sends more commands than it may has them refused, in its order, until it has been slower", () => {
    const setting = new Setting({ limits: { commands: 3 } });
    const { session, outlet } = setting.connect();
    setting.conversation.obey = (from, message) => from.send(message);
    for (const message of ["1", "2", "3", "4"]) session.message(message);
    setting.endTurn();
    expect(outlet.received).toEqual(["1", "2", "3", expect.stringContaining("refused 111 ")]);
    setting.clock.advance(334);
    for (const message of ["5", "6"]) session.message(message);
    setting.endTurn();
    expect(outlet.received.slice(4)).toEqual(["5", expect.stringContaining("refused 111 ")]);
    expect(session.open).toBe(true);
  });

  test("is one too many from its address, or by its key, until another one has gone", async () => {
    const setting = new Setting({ limits: { connections: { address: 3, key: 2 } } });
    const anna = principal("anna");
    const first = setting.connect(anna);
    setting.connect(anna);
    expect(await outcome(() => setting.connect(anna))).toBe("connection_limit");
    const stranger = setting.connect(principal("anonymous"));
    expect(await outcome(() => setting.connect(principal("ben")))).toBe("connection_limit");
    first.session.end(new Refused("closed"));
    setting.connect(principal("ben"));
    expect(await outcome(() => setting.connect(principal("ben")))).toBe("connection_limit");
    // What a stranger turns out to be counts as well.
    stranger.session.principal = anna;
    const [, ...others] = [...setting.hub.sessions];
    for (const session of others) session.end(new Refused("closed"));
    setting.connect(principal("anonymous"));
    setting.connect(principal("anonymous"));
    const [last] = [...setting.hub.sessions].slice(-1);
    expect(last?.principal.id).toBe("anonymous");
    setting.hub.end(
      () => true,
      () => new Refused("closed"),
    );
    for (let count = 0; count < 2; count++) setting.connect(anna);
    const late = setting.connect(principal("anonymous"));
    expect(() => {
      late.session.principal = anna;
    }).toThrow("Cannot have more than 2 connections with the key anna");
    expect(late.session.principal.id).toBe("anonymous");
  });
});

describe("a key", () => {
  test("begins so many channels; those that hold nothing any more do not count, nor those of others", async () => {
    const setting = new Setting({ limits: { channelsPerKey: 2 } });
    const [anna, ben] = [new Rights({ publish: ["**"] }), new Rights({ publish: ["**"] })];
    const publish = (by: Rights, channel: string) =>
      outcome(async () => {
        await setting.hub.publish(channel, { data: "1" }, by);
        return "published";
      });
    setting.publish("of/the/machine");
    expect(await publish(anna, "brief/a")).toBe("published");
    expect(await publish(anna, "b")).toBe("published");
    expect(await publish(anna, "c")).toBe("limit_exceeded");
    for (const channel of ["brief/a", "b", "of/the/machine"]) expect(await publish(anna, channel)).toBe("published");
    expect(await publish(ben, "c")).toBe("published");
    expect(await publish(anna, "c")).toBe("published");
    expect(setting.hub.publish("d", { data: "1" }, everyRight)).toMatchObject({ offset: 1 });
    // The history of `brief/a` has gone.
    setting.clock.advance(70_000);
    expect(await publish(anna, "e")).toBe("published");
    expect(await publish(anna, "f")).toBe("limit_exceeded");
  });
});
