import { describe, expect, test } from "bun:test";
import { EmbeddedBroker } from "../../src/brokers/embedded/broker.ts";
import { everyRight, Rights } from "../../src/core/access.ts";
import { select } from "../../src/core/channels.ts";
import { Refused } from "../../src/core/refusals.ts";
import type { Past, Reading } from "../../src/ports.ts";
import { FakeJournal, JournalPaper } from "../fakes/journal.ts";
import { fromNow, outcome, type Peer, PlainForm, principal, Setting, slowSetting, tell } from "./setting.ts";

function listen(setting: Setting, { session }: Peer, ...channels: string[]) {
  return setting.hub.subscribe(session, select(channels), fromNow, tell(session));
}

class CountingForm extends PlainForm {
  override readonly counted = true;

  override gap(channels: readonly string[]): string {
    return `a hole in ${channels}`;
  }
}

describe("handing out", () => {
  test("all that a session is owed leaves in one write at the end of the turn", () => {
    const setting = new Setting();
    const peer = setting.connect();
    setting.listen(peer, "a");
    setting.listen(peer, "b/*");
    setting.endTurn();
    setting.publish("a", "1");
    setting.publish("b/x", "2");
    setting.publish("c", "3");
    setting.publish("a", "4");
    peer.session.send("own");
    expect(peer.outlet.writes).toHaveLength(1);
    setting.endTurn();
    expect(peer.outlet.writes.slice(1).map(({ parts }) => parts)).toEqual([["own", "a#1 1", "b/x#1 2", "a#2 4"]]);
  });

  test("publications of several audiences leave in the broker's order, so that the last cursor is the highest", () => {
    const setting = new Setting();
    const peer = setting.connect();
    setting.listen(peer, "a");
    setting.listen(peer, "b");
    setting.publish("a", "1");
    setting.publish("b", "2");
    setting.publish("a", "3");
    setting.publish("b", "4");
    setting.endTurn();
    expect(peer.outlet.frames.filter((frame) => frame !== "live")).toEqual(["a#1 1", "b#1 2", "a#2 3", "b#2 4"]);
  });

  test("what a session is owed of its other channels comes before a new subscription's beginning", () => {
    const setting = new Setting();
    const peer = setting.connect();
    setting.listen(peer, "a");
    setting.endTurn();
    setting.publish("a", "1");
    setting.publish("b", "2");
    setting.subscribe(peer, ["b"], { from: "now", history: 1 }, tell(peer.session));
    setting.endTurn();
    expect(peer.outlet.frames).toEqual(["live", "a#1 1", "live", "b#1 2"]);
  });

  test("sessions that are owed the same get the same payload, whatever else others are owed", () => {
    const setting = new Setting();
    const peers = Array.from({ length: 6 }, () => setting.connect());
    for (const [at, peer] of peers.entries()) {
      setting.listen(peer, "shared");
      setting.listen(peer, at % 2 === 0 ? "even" : "odd");
    }
    setting.endTurn();
    for (const channel of ["shared", "even", "odd"]) setting.publish(channel);
    setting.endTurn();
    const payloads = peers.map(({ outlet }) => outlet.writes[1]);
    expect(payloads[2]).toBe(payloads[0]);
    expect(payloads[4]).toBe(payloads[0]);
    expect(payloads[3]).toBe(payloads[1]);
    expect(payloads[5]).toBe(payloads[1]);
    expect(payloads[1]).not.toBe(payloads[0]);
  });

  test("a newcomer that is owed the same as all gets their payload", () => {
    const setting = new Setting();
    const old = setting.connect();
    setting.listen(old, "a");
    setting.publish("a");
    setting.endTurn();
    const newcomer = setting.connect();
    setting.listen(newcomer, "a");
    setting.endTurn();
    setting.publish("a");
    setting.endTurn();
    expect(newcomer.outlet.writes.at(-1)?.parts).toEqual(["a#2 1"]);
    expect(newcomer.outlet.writes.at(-1)).toBe(old.outlet.writes.at(-1));
  });

  test("newcomers of one turn that know as much as each other share a payload", () => {
    const setting = new Setting();
    const old = setting.connect();
    setting.listen(old, "a");
    setting.endTurn();
    setting.publish("a", "1");
    const [early, late] = [setting.connect(), setting.connect()];
    // Nothing of their own, so that the end of the turn has the rest only.
    setting.subscribe(early, ["a"], fromNow, () => undefined);
    setting.publish("elsewhere");
    setting.subscribe(late, ["a"], fromNow, () => undefined);
    setting.publish("a", "2");
    setting.endTurn();
    expect(early.outlet.writes.at(-1)?.parts).toEqual(["a#2 2"]);
    expect(late.outlet.writes.at(-1)).toBe(early.outlet.writes.at(-1));
  });

  test("a publication is encoded once per form, however many audiences it has", () => {
    const setting = new Setting();
    const other = new PlainForm("other");
    for (const channels of [["a"], ["a", "b"], ["*"], ["**"], ["a"]]) {
      const peer = setting.connect();
      setting.subscribe(peer, channels, fromNow, () => undefined);
      setting.subscribe(peer, channels, fromNow, () => undefined, other);
    }
    setting.publish("a");
    setting.publish("b");
    expect([setting.form.encoded, other.encoded]).toEqual([2, 2]);
  });

  test("what nobody listens to is not encoded", () => {
    const setting = new Setting();
    setting.listen(setting.connect(), "a");
    setting.publish("b");
    expect(setting.form.encoded).toBe(0);
  });

  test("an audience that is given up and taken up again within a turn owes the new session only what is new", () => {
    const setting = new Setting();
    const peer = setting.connect();
    setting.listen(peer, "a");
    setting.endTurn();
    setting.publish("a", "1");
    setting.hub.unsubscribe(peer.session, select(["a"]));
    setting.listen(peer, "a");
    setting.publish("a", "2");
    setting.endTurn();
    expect(peer.outlet.frames).toEqual(["live", "live", "a#2 2"]);
  });

  test("a form that cannot phrase a publication costs nobody else theirs, nor the publisher its answer", () => {
    const setting = new Setting();
    const broken = setting.connect();
    class BrokenForm extends PlainForm {
      protected override encode(): string {
        throw new Error("Cannot phrase it");
      }
    }
    setting.subscribe(broken, ["*"], fromNow, () => undefined, new BrokenForm("broken"));
    const peer = setting.connect();
    setting.listen(peer, "*");
    expect(setting.publish("a")).toMatchObject({ offset: 1 });
    setting.endTurn();
    expect(peer.outlet.frames).toEqual(["live", "a#1 1"]);
    expect(setting.log.errors).toHaveLength(1);
  });
});

describe("subscribing", () => {
  test("twice to the same is refused, and the first stays", () => {
    const setting = new Setting();
    const peer = setting.connect();
    setting.listen(peer, "a", "b");
    expect(() => setting.listen(peer, "b", "a")).toThrow(new Refused("alreadySubscribed"));
    setting.publish("a");
    setting.endTurn();
    expect(peer.outlet.frames).toEqual(["live", "a#1 1"]);
  });

  test("without the grant is refused, and leaves nothing", () => {
    const setting = new Setting();
    const peer = setting.connect(principal("reader", new Rights({ subscribe: ["a/*"] })));
    expect(() => setting.listen(peer, "a/b", "b")).toThrow("Cannot subscribe to b: no such grant");
    expect(() => setting.listen(peer, "a/**")).toThrow("Cannot subscribe to all of a/**: no such grant");
    expect(setting.hub.listeners("a/b")).toBe(0);
    setting.listen(peer, "a/*");
    expect(setting.hub.listeners("a/b")).toBe(1);
  });

  test("to more than the limit is refused, counted over all subscriptions, until some are given up", () => {
    const setting = new Setting({ limits: { subscriptions: 3 } });
    const peer = setting.connect();
    setting.listen(peer, "a", "b");
    expect(() => setting.listen(peer, "c", "d/*")).toThrow("Cannot subscribe to more than 3 channels in one session");
    expect(setting.hub.listeners("c")).toBe(0);
    setting.listen(peer, "c");
    setting.hub.unsubscribe(peer.session, select(["a", "b"]));
    setting.listen(peer, "d", "e/*");
  });

  test("a session that is over cannot listen any more, and nothing is gathered for it", () => {
    const setting = new Setting();
    const peer = setting.connect();
    peer.session.ended(1000, "");
    let begun = 0;
    setting.subscribe(peer, ["a"], fromNow, () => begun++);
    expect([begun, setting.hub.listeners("a")]).toEqual([0, 0]);
  });

  test("a beginning that publishes what it listens to gets that, once", () => {
    const setting = new Setting();
    const peer = setting.connect();
    setting.subscribe(peer, ["a"], fromNow, () => {
      peer.session.send("live");
      setting.publish("a");
    });
    setting.endTurn();
    expect(peer.outlet.frames).toEqual(["live", "a#1 1"]);
  });

  test("a beginning that throws leaves no subscription behind", () => {
    const setting = new Setting();
    const peer = setting.connect();
    const fail = (): never => {
      throw new Error("Cannot begin");
    };
    expect(() => setting.subscribe(peer, ["a"], fromNow, fail)).toThrow("Cannot begin");
    expect(setting.hub.listeners("a")).toBe(0);
    setting.listen(peer, "a");
    setting.publish("a");
    setting.endTurn();
    expect(peer.outlet.frames).toEqual(["live", "a#1 1"]);
  });

  test("a beginning that ends its session leaves nothing behind", () => {
    const setting = new Setting();
    const peer = setting.connect();
    setting.subscribe(peer, ["a"], fromNow, () => peer.session.end(new Refused("closed")));
    expect(setting.hub.listeners("a")).toBe(0);
    expect(peer.outlet.ends).toHaveLength(1);
  });

  test("giving up what was not subscribed says so", () => {
    const setting = new Setting();
    const peer = setting.connect();
    expect(setting.hub.unsubscribe(peer.session, select(["a"]))).toBe(false);
    setting.listen(peer, "a");
    expect(setting.hub.unsubscribe(setting.connect().session, select(["a"]))).toBe(false);
    expect(setting.hub.unsubscribe(peer.session, select(["a"]))).toBe(true);
    expect(setting.hub.unsubscribe(peer.session, select(["a"]))).toBe(false);
  });

  test("a channel's listeners are those of its name and of patterns that reach it, as they come and go", () => {
    const setting = new Setting();
    const [one, two, three] = [setting.connect(), setting.connect(), setting.connect()];
    setting.listen(one, "home/light");
    expect(setting.hub.listeners("home/light")).toBe(1);
    setting.listen(two, "home/*");
    setting.listen(three, "**");
    expect(setting.hub.listeners("home/light")).toBe(3);
    expect(setting.hub.listeners("home/door")).toBe(2);
    setting.hub.unsubscribe(two.session, select(["home/*"]));
    expect(setting.hub.listeners("home/light")).toBe(2);
    one.session.end(new Refused("closed"));
    three.outlet.breaks();
    expect(setting.hub.listeners("home/light")).toBe(0);
    expect(setting.hub.listeners("home/door")).toBe(0);
  });
});

describe("subscribing while the broker takes its time", () => {
  test("what comes meanwhile follows the reading, once", async () => {
    const { setting, broker } = slowSetting();
    const peer = setting.connect();
    setting.publish("a", "1");
    const done = setting.hub.subscribe(peer.session, select(["a"]), { from: "now", history: 9 }, tell(peer.session));
    setting.publish("a", "2");
    setting.endTurn();
    setting.publish("a", "3");
    await broker.answer();
    setting.publish("a", "4");
    setting.endTurn();
    await done;
    expect(peer.outlet.frames).toEqual(["live", "a#1 1", "a#2 2", "a#3 3", "a#4 4"]);
  });

  test("what is transient moves nobody's place: who counts finds no hole, before the reading and after it", async () => {
    const { setting, broker } = slowSetting();
    const form = new CountingForm("counting");
    const peer = setting.connect();
    const done = setting.hub.subscribe(peer.session, select(["a"]), fromNow, tell(peer.session, form), form);
    const pass = (data: string): void => void setting.hub.publish("a", { data, transient: true }, everyRight);
    pass("0");
    setting.publish("a", "1");
    await broker.answer();
    await done;
    pass("2");
    setting.publish("a", "3");
    pass("4");
    setting.publish("a", "5");
    setting.endTurn();
    expect(peer.outlet.frames).toEqual(["live", "a#0 0", "a#1 1", "a#0 2", "a#2 3", "a#0 4", "a#3 5"]);
  });

  test("giving up and beginning anew before the first reading is there begins once, with the second", async () => {
    const { setting, broker } = slowSetting();
    const [peer, other] = [setting.connect(), setting.connect()];
    // Somebody else keeps the audience alive all the while.
    const kept = listen(setting, other, "a");
    await broker.answer();
    const begun: string[] = [];
    const selector = select(["a"]);
    const first = setting.hub.subscribe(peer.session, selector, fromNow, () => begun.push("first"));
    setting.publish("a", "1");
    setting.hub.unsubscribe(peer.session, selector);
    setting.publish("a", "2");
    const history: Past = { from: "now", history: 9 };
    const second = setting.hub.subscribe(peer.session, selector, history, (reading) => {
      begun.push("second");
      tell(peer.session)(reading);
    });
    await broker.answer();
    expect(begun).toEqual([]);
    setting.publish("a", "3");
    await broker.answer();
    setting.publish("a", "4");
    setting.endTurn();
    await Promise.all([kept, first, second]);
    expect(begun).toEqual(["second"]);
    expect(peer.outlet.frames).toEqual(["live", "a#1 1", "a#2 2", "a#3 3", "a#4 4"]);
  });

  test("a first reading that fails does not end the second subscription", async () => {
    const { setting, broker } = slowSetting();
    const peer = setting.connect();
    const selector = select(["a"]);
    const first = outcome(() => setting.hub.subscribe(peer.session, selector, fromNow, () => undefined));
    setting.hub.unsubscribe(peer.session, selector);
    const second = setting.hub.subscribe(peer.session, selector, fromNow, tell(peer.session));
    await broker.refuse();
    await broker.answer();
    await second;
    expect(await first).toBe("internal");
    setting.publish("a");
    setting.endTurn();
    expect(peer.outlet.frames).toEqual(["live", "a#1 1"]);
  });

  test("a reading that fails after its session ended takes nobody else's audience away", async () => {
    const { setting, broker } = slowSetting();
    const [gone, peer, wild] = [setting.connect(), setting.connect(), setting.connect()];
    const failed = outcome(() => listen(setting, gone, "a"));
    gone.outlet.breaks();
    const done = listen(setting, peer, "a");
    const wildDone = listen(setting, wild, "a", "b");
    await broker.refuse();
    await broker.answer();
    await broker.answer();
    await Promise.all([done, wildDone]);
    setting.publish("a");
    setting.endTurn();
    expect(await failed).toBe("internal");
    expect(peer.outlet.frames).toEqual(["live", "a#1 1"]);
    expect(wild.outlet.frames).toEqual(["live", "a#1 1"]);
  });

  test("a session that ended meanwhile begins nothing, and is not joined", async () => {
    const { setting, broker } = slowSetting();
    const peer = setting.connect();
    let begun = 0;
    const done = setting.hub.subscribe(peer.session, select(["a"]), fromNow, () => begun++);
    peer.outlet.breaks();
    await broker.answer();
    await done;
    expect([begun, setting.hub.listeners("a")]).toEqual([0, 0]);
  });

  test("a subscription that waits is one: the same again is refused", async () => {
    const { setting, broker } = slowSetting();
    const peer = setting.connect();
    const done = listen(setting, peer, "a");
    expect(() => setting.listen(peer, "a")).toThrow(new Refused("alreadySubscribed"));
    await broker.answer();
    await done;
  });
});

describe("the position", () => {
  test("after a restart, what a session is told to come back with is a position of this run", async () => {
    const paper = new JournalPaper();
    const before = new Setting({ journal: new FakeJournal(paper) });
    await start(before);
    const published = before.publishLater("durable/a");
    before.endTurn();
    await published;
    const after = new Setting({ journal: new FakeJournal(paper) });
    await start(after);
    const peer = after.connect();
    let begun: Reading | undefined;
    after.subscribe(peer, ["durable/a"], { from: "now", history: 1 }, (reading) => {
      begun = reading;
    });
    expect(begun?.channels[0]?.publications).toHaveLength(1);
    const comesBack: Past = { from: "position", position: after.hub.position };
    expect(after.broker.read(select(["durable/a"]), comesBack)).toMatchObject({
      gap: false,
      channels: [{ as: "missed", publications: [] }],
    });
  });
});

describe("the way in", () => {
  const may = new Rights({ publish: ["a/*"] });

  test.each([
    ["a name that is none", "a//b", "1", "bad_request"],
    ["a pattern", "a/*", "1", "bad_request"],
    ["what the grants do not cover", "b", "1", "permission_denied"],
    ["more than the limit in bytes", "a/b", `"${"é".repeat(500)}"`, "limit_exceeded"],
  ])("refuses %s", async (_what, channel, data, refusal) => {
    const setting = new Setting();
    expect(await outcome(() => setting.hub.publish(channel, { data }, may))).toBe(refusal);
    expect(await setting.hub.channels("**")).toEqual([]);
  });

  test("takes what is just within the limit", () => {
    const setting = new Setting();
    const data = `"${"é".repeat(499)}"`;
    expect(Buffer.byteLength(data)).toBe(1000);
    expect(setting.hub.publish("a/b", { data }, may)).toMatchObject({ offset: 1 });
  });

  test("history needs the grant for it, or the one to subscribe", async () => {
    const setting = new Setting();
    setting.publish("a");
    const ask = (verb: string) => outcome(() => setting.hub.history("a", { limit: -1 }, new Rights({ [verb]: ["a"] })));
    expect(await ask("history")).toMatchObject({ offset: 1 });
    expect(await ask("subscribe")).toMatchObject({ offset: 1 });
    expect(await ask("publish")).toBe("permission_denied");
  });
});

async function start({ broker }: Setting): Promise<void> {
  if (broker instanceof EmbeddedBroker) await broker.start();
}
