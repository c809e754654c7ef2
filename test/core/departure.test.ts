import { describe, expect, test } from "bun:test";
import { sendAway } from "../../src/core/departure.ts";
import { settle } from "../fakes/clock.ts";
import { Setting } from "./setting.ts";

/** So many peers, and how many of them are still there. */
function crowd(count: number) {
  const setting = new Setting();
  const peers = Array.from({ length: count }, () => setting.connect());
  const left = (): number => peers.filter(({ session }) => session.open).length;
  return { ...setting, setting, peers, left };
}

describe("sessions that are sent away", () => {
  test("go evenly over the time that there is, with the goodbye of their protocol", async () => {
    const { hub, clock, peers, left } = crowd(100);
    let over = false;
    void sendAway({ clock, sessions: hub.sessions }, 10_000).then(() => {
      over = true;
    });
    const counted = [left()];
    for (let second = 1; second <= 10; second++) {
      clock.advance(1000);
      counted.push(left());
    }
    expect(counted).toEqual([99, 89, 79, 69, 59, 49, 39, 29, 19, 9, 0]);
    await settle();
    expect(over).toBeTrue();
    expect(peers[50]?.outlet.ends).toEqual([{ code: 3001, reason: "The gateway is stopping", abrupt: false }]);
    expect(peers[50]?.outlet.received).toEqual(["goodbye"]);
  });

  test("go at once where there is no time, and where there is one only", async () => {
    for (const [count, span] of [
      [1000, 0],
      [1, 10_000],
      [0, 10_000],
    ] as const) {
      const { hub, clock, left } = crowd(count);
      await sendAway({ clock, sessions: hub.sessions }, span);
      expect(left()).toBe(0);
    }
  });

  test("are many more than the pauses between them: several go at once, and none is late", () => {
    const { hub, clock, left } = crowd(5000);
    void sendAway({ clock, sessions: hub.sessions }, 1000);
    clock.advance(500);
    expect(left()).toBeWithin(2300, 2501);
    clock.advance(520);
    expect(left()).toBe(0);
  });

  test("that leave by themselves are not waited for, and those that come meanwhile go too", async () => {
    const { hub, clock, setting, peers, left } = crowd(10);
    const over = sendAway({ clock, sessions: hub.sessions }, 10_000);
    clock.advance(2000);
    for (const { outlet } of peers.slice(5)) outlet.breaks();
    const late = setting.connect();
    clock.advance(8000);
    expect(left()).toBe(0);
    expect(late.session.open).toBeFalse();
    await over;
  });
});
