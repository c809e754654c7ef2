import { describe, expect, test } from "bun:test";
import { Sweep } from "../../src/transports/sweep.ts";
import { FakeClock } from "../fakes/clock.ts";

describe("A sweep", () => {
  test("looks at each member at its interval, with one timer, until it is let go", () => {
    const clock = new FakeClock();
    const looks: string[] = [];
    const sweep = new Sweep<string>(clock, 100, (member) => looks.push(member) < 4);
    sweep.add("a");
    sweep.add("b");
    sweep.add("a");
    expect(clock.timers).toBe(1);
    clock.advance(99);
    expect(looks).toEqual([]);
    clock.advance(101);
    expect(looks).toEqual(["a", "b", "a", "b"]);
    clock.advance(100);
    expect(looks).toEqual(["a", "b", "a", "b", "a"]);
    expect(clock.timers).toBe(0);
    clock.advance(1000);
    expect(looks).toHaveLength(5);
  });

  test("has no timer while there is nobody, and never two, whoever comes and goes within a look", () => {
    const clock = new FakeClock();
    const sweep: Sweep<string> = new Sweep<string>(clock, 100, (member) => {
      if (member === "a") {
        sweep.delete("a");
        sweep.delete("b");
        sweep.add("c");
      }
      return member === "c";
    });
    sweep.add("a");
    sweep.delete("a");
    expect(clock.timers).toBe(0);
    sweep.add("a");
    sweep.add("b");
    clock.advance(100);
    expect(clock.timers).toBe(1);
    clock.advance(100);
    expect(clock.timers).toBe(1);
    sweep.delete("c");
    expect(clock.timers).toBe(0);
  });
});
