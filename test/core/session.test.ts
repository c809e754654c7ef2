import { describe, expect, test } from "bun:test";
import { Refused } from "../../src/core/refusals.ts";
import { settle } from "../fakes/clock.ts";
import { PlainConversation, principal, Setting, somebody } from "./setting.ts";

/** A promise and the hand that resolves it. */
function door(): { readonly opens: Promise<void>; open: () => void; slam: (thrown: unknown) => void } {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  return { opens: promise, open: resolve, slam: reject };
}

describe("commands", () => {
  test("are obeyed one at a time in the order they came, though obeying takes time", async () => {
    const setting = new Setting();
    const { session } = setting.connect();
    const log: string[] = [];
    const doors = [door(), door()];
    setting.conversation.obey = (_session, message) => {
      log.push(`begins ${message}`);
      if (message === "third") return;
      return doors[message === "first" ? 0 : 1]?.opens.then(() => {
        log.push(`ends ${message}`);
      });
    };
    for (const message of ["first", "second", "third"]) session.message(message);
    await settle();
    expect(log).toEqual(["begins first"]);
    doors[1]?.open();
    await settle();
    expect(log).toEqual(["begins first"]);
    doors[0]?.open();
    await settle();
    expect(log).toEqual(["begins first", "ends first", "begins second", "ends second", "begins third"]);
    session.message("third");
    expect(log.at(-1)).toBe("begins third");
    expect(log).toHaveLength(6);
  });

  test.each([
    [
      "throws a refusal",
      () => {
        throw new Refused("badRequest", "Cannot do it");
      },
      "refused 107 Cannot do it",
      0,
    ],
    [
      "rejects with a refusal",
      () => Promise.reject(new Refused("badRequest", "Cannot do it")),
      "refused 107 Cannot do it",
      0,
    ],
    [
      "throws anything else",
      () => {
        throw new TypeError("secret");
      },
      "refused 100 Internal error",
      1,
    ],
    ["rejects with anything else", () => Promise.reject(new TypeError("secret")), "refused 100 Internal error", 1],
  ])("one that %s is answered, and the next goes on", async (_what, work, answer, errors) => {
    const setting = new Setting();
    const { session, outlet } = setting.connect();
    setting.conversation.obey = (peer, message) => {
      return message === "bad" ? work() : peer.send(`obeyed ${message}`);
    };
    for (const message of ["good", "bad", "better"]) session.message(message);
    await settle();
    setting.endTurn();
    expect(outlet.frames).toEqual(["obeyed good", answer, "obeyed better"]);
    expect(setting.log.errors).toHaveLength(errors);
  });

  test("one whose refusal cannot be told ends nothing but is logged, and the next goes on", async () => {
    const setting = new Setting();
    class Speechless extends PlainConversation {
      override refused(): void {
        throw new Error("Cannot say it");
      }
    }
    const speechless = new Speechless();
    const { session, outlet } = setting.connect(somebody, speechless);
    speechless.obey = (peer, message) => {
      if (message === "bad") throw new Refused("badRequest");
      return message === "later bad" ? Promise.reject(new Refused("badRequest")) : peer.send(message);
    };
    for (const message of ["bad", "later bad", "good"]) session.message(message);
    await settle();
    setting.endTurn();
    expect(outlet.frames).toEqual(["good"]);
    expect(setting.log.errors).toHaveLength(2);
  });

  test("too many that wait end the session", async () => {
    const setting = new Setting();
    const { session, outlet } = setting.connect();
    const { opens } = door();
    setting.conversation.obey = () => opens;
    for (let count = 0; count < 1025; count++) session.message("wait");
    expect(outlet.ends).toEqual([]);
    session.message("one too many");
    expect(outlet.ends).toMatchObject([{ code: 3013, abrupt: false }]);
    session.message("and another");
    expect(outlet.ends).toHaveLength(1);
  });

  test("that came before the peer hung up are obeyed all the same", async () => {
    const setting = new Setting();
    const { session } = setting.connect();
    const obeyed: string[] = [];
    const first = door();
    setting.conversation.obey = (_session, message) => {
      obeyed.push(message);
      return first.opens;
    };
    session.message("first");
    session.message("second");
    session.ended(1000, "");
    first.open();
    await settle();
    session.message("third");
    expect(obeyed).toEqual(["first", "second"]);
  });

  test("of a session that was sent away are not obeyed any more", async () => {
    const setting = new Setting();
    const { session } = setting.connect();
    const obeyed: string[] = [];
    const first = door();
    setting.conversation.obey = (_session, message) => {
      obeyed.push(message);
      return first.opens;
    };
    session.message("first");
    session.message("second");
    session.end(new Refused("forceDisconnect"));
    first.open();
    await settle();
    session.message("third");
    expect(obeyed).toEqual(["first"]);
  });

  test("one that fails when its session is gone is told to nobody", async () => {
    const setting = new Setting();
    const { session, outlet } = setting.connect();
    const first = door();
    setting.conversation.obey = () => first.opens;
    session.message("first");
    outlet.breaks();
    first.slam(new Refused("badRequest"));
    await settle();
    setting.endTurn();
    expect(outlet.frames).toEqual([]);
  });
});

describe("sending", () => {
  test("a session's own frames come before what its audiences are owed, in one write", () => {
    const setting = new Setting();
    const peer = setting.connect();
    setting.listen(peer, "a");
    setting.endTurn();
    setting.publish("a");
    peer.session.send("one", "two");
    setting.publish("a");
    peer.session.send("three");
    setting.endTurn();
    expect(peer.outlet.writes.at(-1)?.parts).toEqual(["one", "two", "three", "a#1 1", "a#2 1"]);
    expect(peer.outlet.writes).toHaveLength(2);
  });

  test("nothing is written when nothing is owed", () => {
    const setting = new Setting();
    const peer = setting.connect();
    setting.listen(peer, "a");
    setting.endTurn();
    setting.publish("b");
    setting.endTurn();
    expect(peer.outlet.writes).toHaveLength(1);
  });
});

describe("ending", () => {
  test("flushes what is owed, then says goodbye, then closes with the table's code", () => {
    const setting = new Setting();
    const peer = setting.connect();
    setting.listen(peer, "a");
    setting.publish("a");
    peer.session.send("own");
    peer.session.end(new Refused("shutdown"));
    expect(peer.outlet.frames).toEqual(["live", "own", "a#1 1", "goodbye"]);
    expect(peer.outlet.ends).toEqual([{ code: 3001, reason: "The gateway is stopping", abrupt: false }]);
    setting.publish("a");
    setting.endTurn();
    expect(peer.outlet.frames).toHaveLength(4);
  });

  test("abruptly writes nothing more", () => {
    const setting = new Setting();
    const peer = setting.connect();
    setting.listen(peer, "a");
    setting.publish("a");
    peer.session.end(new Refused("noPong"), true);
    setting.endTurn();
    expect(peer.outlet.frames).toEqual([]);
    expect(peer.outlet.ends).toMatchObject([{ code: 3012, abrupt: true }]);
  });

  test("twice is once, and the conversation hears of it once, whoever ended it", () => {
    const setting = new Setting();
    const [one, two] = [setting.connect(), setting.connect()];
    one.session.end(new Refused("closed"));
    one.session.end(new Refused("shutdown"));
    one.session.ended(1000, "");
    two.session.ended(1001, "");
    two.session.ended(1001, "");
    two.session.end(new Refused("closed"));
    expect(setting.conversation.endings).toEqual([
      [one.session.id, 3000],
      [two.session.id, 1001],
    ]);
    expect([one.outlet.ends.length, two.outlet.ends.length]).toEqual([1, 0]);
    expect(setting.hub.sessions.size).toBe(0);
  });

  test("of a peer that turns out slow at its goodbye is once all the same", () => {
    const setting = new Setting({ limits: { queue: { bytes: 10, age: 5000 } } });
    const peer = setting.connect();
    setting.listen(peer, "a");
    setting.endTurn();
    peer.outlet.stopReading();
    setting.publish("a", "123456789");
    peer.session.end(new Refused("shutdown"));
    expect(setting.conversation.endings).toHaveLength(1);
    expect(peer.outlet.ends).toHaveLength(1);
  });

  test("by the transport in the middle of a write is once, and leaves nothing that lags", () => {
    const setting = new Setting();
    const peer = setting.connect();
    setting.listen(peer, "a");
    setting.endTurn();
    peer.outlet.write = () => {
      peer.session.ended(1006, "");
      return false;
    };
    setting.publish("a");
    peer.session.end(new Refused("shutdown"));
    expect(setting.conversation.endings).toEqual([[peer.session.id, 1006]]);
    expect(peer.outlet.ends).toEqual([]);
    expect(peer.session.queue).toBeUndefined();
  });

  test("in a conversation that fails to hear of it costs nobody else anything", () => {
    const setting = new Setting({ limits: { queue: { bytes: 20, age: 5000 } } });
    class Failing extends PlainConversation {
      override ended(): void {
        throw new Error("Cannot hear");
      }
    }
    const peers = [setting.connect(somebody, new Failing()), setting.connect()];
    for (const peer of peers) setting.listen(peer, "a");
    setting.endTurn();
    peers[0]?.outlet.stopReading();
    for (let count = 0; count < 5; count++) {
      setting.publish("a", "1234567");
      setting.endTurn();
    }
    expect(peers[0]?.outlet.ends).toMatchObject([{ code: 3008 }]);
    expect(peers[1]?.outlet.frames).toHaveLength(6);
    expect(setting.log.errors).toHaveLength(1);
  });

  test("of many picks those that are meant, each with its own refusal", () => {
    const setting = new Setting();
    const mine = principal("mine");
    const peers = [setting.connect(mine), setting.connect(), setting.connect(mine)];
    const count = setting.hub.end(
      (session) => session.principal === mine,
      () => new Refused("invalidToken"),
    );
    expect(count).toBe(2);
    expect(peers.map(({ outlet }) => outlet.ends.map(({ code }) => code))).toEqual([[3500], [], [3500]]);
  });

  test("while the turn is handed out, because another's end says so, still delivers what is owed", () => {
    const setting = new Setting({ limits: { queue: { bytes: 20, age: 5000 } } });
    class Chained extends PlainConversation {
      override ended(): void {
        second.session.end(new Refused("forceReconnect"));
      }
    }
    const first = setting.connect(somebody, new Chained());
    setting.listen(first, "a");
    const second = setting.connect();
    setting.listen(second, "a");
    setting.endTurn();
    first.outlet.stopReading();
    for (let count = 0; count < 4; count++) {
      setting.publish("a", "1234567");
      setting.endTurn();
    }
    expect(first.outlet.ends).toMatchObject([{ code: 3008 }]);
    expect(second.outlet.ends).toMatchObject([{ code: 3011 }]);
    expect(setting.conversation.endings).toHaveLength(1);
    expect(setting.hub.sessions.size).toBe(0);
  });

  test("is told with a reason that fits a close frame", () => {
    const setting = new Setting();
    const { session, outlet } = setting.connect();
    session.end(new Refused("badRequest", "é".repeat(200)));
    expect(Buffer.byteLength(outlet.ends[0]?.reason ?? "")).toBe(122);
  });
});

describe("time", () => {
  test("a peer that hears nothing else gets a sign of life every interval", () => {
    const setting = new Setting();
    const { session, outlet } = setting.connect();
    outlet.hears = false;
    session.beatEvery(25_000);
    setting.clock.advance(24_000);
    expect(outlet.frames).toEqual([]);
    setting.clock.advance(2000);
    expect(outlet.frames).toEqual(["heartbeat"]);
    setting.clock.advance(50_000);
    expect(outlet.frames).toEqual(["heartbeat", "heartbeat", "heartbeat"]);
    expect(outlet.pings).toBe(3);
  });

  test("no silence is longer than the interval and a second, whenever the last publication came", () => {
    for (let last = 1; last < 50; last++) {
      const setting = new Setting();
      const peer = setting.connect();
      peer.outlet.hears = false;
      setting.listen(peer, "a");
      peer.session.beatEvery(25_000);
      const times: number[] = [];
      const begun = setting.clock.now();
      peer.outlet.onFrame = () => times.push(setting.clock.now() - begun);
      setting.endTurn();
      setting.clock.advance(last * 1000 - 300);
      setting.publish("a");
      setting.endTurn();
      setting.clock.advance(100_000);
      const silences = times.map((time, at) => time - (times[at - 1] ?? 0));
      expect(Math.max(...silences)).toBeLessThanOrEqual(26_000);
      expect(times.length).toBeGreaterThan(4);
      setting.hub.close();
    }
  });

  test("a session without a heartbeat gets none", () => {
    const setting = new Setting();
    const { outlet } = setting.connect();
    setting.clock.advance(600_000);
    expect([outlet.frames, outlet.pings, outlet.ends]).toEqual([[], 0, []]);
  });

  test("a peer that can be heard and is not for two intervals is dead; one that answers lives", () => {
    const setting = new Setting();
    const [silent, alive, oneWay] = [setting.connect(), setting.connect(), setting.connect()];
    oneWay.outlet.hears = false;
    for (const { session } of [silent, alive, oneWay]) session.beatEvery(25_000);
    for (let second = 0; second < 200; second++) {
      setting.clock.advance(1000);
      if (second % 25 === 0) alive.session.alive();
    }
    expect(silent.outlet.ends).toMatchObject([{ code: 3012, abrupt: true }]);
    expect(alive.outlet.ends).toEqual([]);
    expect(oneWay.outlet.ends).toEqual([]);
  });

  test("a peer that lags and is not heard is dead too", () => {
    const setting = new Setting();
    const peer = setting.connect();
    setting.listen(peer, "latest/a");
    setting.endTurn();
    peer.session.beatEvery(25_000);
    peer.outlet.stopReading();
    setting.publish("latest/a");
    setting.clock.advance(60_000);
    expect(peer.outlet.ends).toEqual([]);
    setting.clock.advance(25_000);
    expect(peer.outlet.ends).toMatchObject([{ code: 3012, abrupt: true }]);
  });

  test("a session whose deadline passes is stale; one whose deadline is lifted is not", () => {
    const setting = new Setting();
    const [late, known] = [setting.connect(), setting.connect()];
    late.session.deadline = setting.hub.now + 3000;
    known.session.deadline = setting.hub.now + 3000;
    setting.clock.advance(2000);
    known.session.deadline = 0;
    expect(late.outlet.ends).toEqual([]);
    setting.clock.advance(1000);
    expect(late.outlet.ends).toMatchObject([{ code: 3502 }]);
    setting.clock.advance(10_000);
    expect(known.outlet.ends).toEqual([]);
  });

  test("a stream that has had its time ends in good order, with what it is owed", () => {
    const setting = new Setting();
    const peer = setting.connect();
    setting.listen(peer, "a");
    peer.session.retires = setting.hub.now + 60_000;
    setting.clock.advance(59_000);
    setting.publish("a");
    setting.clock.advance(1000);
    expect(peer.outlet.frames).toEqual(["live", "a#1 1", "goodbye"]);
    expect(peer.outlet.ends).toMatchObject([{ code: 3000, abrupt: false }]);
  });

  test("a session ends within a second of its principal", () => {
    const setting = new Setting();
    const now = setting.hub.now;
    const { outlet } = setting.connect(principal("brief", undefined, { expires: now + 10_500 }));
    setting.clock.advance(10_000);
    expect(outlet.ends).toEqual([]);
    setting.clock.advance(1500);
    expect(outlet.ends).toMatchObject([{ code: 3005 }]);
  });

  test("nothing ticks while there is no session, and it does again with the next", () => {
    const setting = new Setting();
    const without = setting.clock.timers;
    const first = setting.connect();
    expect(setting.clock.timers).toBe(without + 1);
    first.session.end(new Refused("closed"));
    setting.clock.advance(1000);
    expect(setting.clock.timers).toBe(without);
    const { session, outlet } = setting.connect();
    session.deadline = setting.hub.now + 1000;
    setting.clock.advance(2000);
    expect(outlet.ends).toHaveLength(1);
  });

  test("a session that cannot be looked after keeps the clock from nobody else", () => {
    const setting = new Setting();
    class Failing extends PlainConversation {
      override heartbeat(): string {
        throw new Error("Cannot beat");
      }
    }
    const failing = setting.connect(somebody, new Failing());
    const { session, outlet } = setting.connect();
    failing.session.beatEvery(5000);
    session.beatEvery(5000);
    setting.clock.advance(21_000);
    expect(outlet.frames.length).toBeGreaterThanOrEqual(1);
    expect(setting.log.errors.length).toBeGreaterThanOrEqual(1);
  });
});

test("sessions are advised to come back at times that are spread evenly over 1 to 5 s", () => {
  const setting = new Setting();
  const delays = Array.from({ length: 1000 }, () => setting.connect().session.comesBackAfter);
  const seconds = Map.groupBy(delays, (delay) => Math.floor(delay / 1000));
  expect([...seconds.keys()].sort()).toEqual([1, 2, 3, 4]);
  for (const one of seconds.values()) expect(one.length).toBeWithin(240, 260);
});
