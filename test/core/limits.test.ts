import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Idempotency } from "../../src/core/idempotency.ts";
import { RateLimit } from "../../src/core/rate.ts";
import { Refused } from "../../src/core/refusals.ts";
import type { Receipt } from "../../src/ports.ts";
import { FakeClock } from "../fakes/clock.ts";
import { outcome } from "./setting.ts";

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
