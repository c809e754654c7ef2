import { describe, expect, test } from "bun:test";
import { Rights } from "../../src/core/access.ts";
import { select } from "../../src/core/channels.ts";
import { Refused } from "../../src/core/refusals.ts";
import { fromNow, outcome, type Peer, principal, Setting, slowSetting, tell } from "./setting.ts";

function members(setting: Setting, channel = "present/a"): string[] {
  return setting.hub.presence(channel, new Rights({ presence: ["**"] })).map(({ user }) => user);
}

function changes(frames: readonly string[]): string[] {
  return frames.filter((frame) => /^(?:join|leave) /.test(frame)).map((frame) => frame.replace(/ \S+(?= \S+$)/, ""));
}

describe("presence", () => {
  test("tells who is in a channel, and of each who comes and goes", () => {
    const setting = new Setting();
    const [anna, ben] = [setting.connect(principal("anna")), setting.connect(principal("ben"))];
    setting.listen(anna, "present/a");
    setting.endTurn();
    setting.listen(ben, "present/a");
    setting.endTurn();
    expect(members(setting)).toEqual(["anna", "ben"]);
    setting.hub.unsubscribe(ben.session, select(["present/a"]));
    setting.endTurn();
    expect(members(setting)).toEqual(["anna"]);
    expect(changes(anna.outlet.frames)).toEqual(["join present/a anna", "join present/a ben", "leave present/a ben"]);
    expect(changes(ben.outlet.frames)).toEqual(["join present/a ben"]);
  });

  test.each([
    [
      "is ended",
      (setting: Setting) =>
        setting.hub.end(
          ({ principal: { id } }) => id === "ben",
          () => new Refused("closed"),
        ),
    ],
    ["breaks", () => undefined],
  ])("tells of who leaves because its session %s", (_how, end) => {
    const setting = new Setting();
    const [anna, ben] = [setting.connect(principal("anna")), setting.connect(principal("ben"))];
    for (const peer of [anna, ben]) setting.listen(peer, "present/a", "present/b");
    setting.endTurn();
    end(setting);
    ben.outlet.breaks();
    setting.endTurn();
    expect(changes(anna.outlet.frames).slice(-2)).toEqual(["leave present/a ben", "leave present/b ben"]);
    expect(members(setting)).toEqual(["anna"]);
  });

  test("goes on while a session listens by another subscription", () => {
    const setting = new Setting();
    const [anna, ben] = [setting.connect(principal("anna")), setting.connect(principal("ben"))];
    setting.listen(anna, "present/*");
    setting.listen(ben, "present/a");
    setting.listen(ben, "present/a", "b");
    setting.hub.unsubscribe(ben.session, select(["present/a"]));
    setting.endTurn();
    expect(members(setting)).toEqual(["ben"]);
    setting.listen(ben, "present/a");
    ben.outlet.breaks();
    setting.endTurn();
    expect(members(setting)).toEqual([]);
    expect(changes(anna.outlet.frames)).toEqual(["join present/a ben", "leave present/a ben"]);
  });

  test("begins with the subscription, however long the broker takes, and not at all if it is given up before", async () => {
    const { setting, broker } = slowSetting();
    const [anna, ben, carl] = [
      setting.connect(principal("anna")),
      setting.connect(principal("ben")),
      setting.connect(),
    ];
    const selector = select(["present/a"]);
    const begin = (peer: Peer) => setting.hub.subscribe(peer.session, selector, fromNow, tell(peer.session));
    const done = [begin(anna)];
    await broker.answer();
    done.push(begin(ben), begin(carl));
    setting.endTurn();
    expect(members(setting)).toEqual(["anna"]);
    setting.hub.unsubscribe(ben.session, selector);
    carl.outlet.breaks();
    done.push(begin(ben));
    await broker.answer();
    await broker.answer();
    expect(members(setting)).toEqual(["anna"]);
    await broker.answer();
    await Promise.all(done);
    setting.endTurn();
    expect(members(setting)).toEqual(["anna", "ben"]);
    expect(changes(anna.outlet.frames)).toEqual(["join present/a anna", "join present/a ben"]);
  });

  test("counts each session of one user", () => {
    const setting = new Setting();
    const [one, two] = [setting.connect(principal("anna")), setting.connect(principal("anna"))];
    for (const peer of [one, two]) setting.listen(peer, "present/a");
    expect(members(setting)).toEqual(["anna", "anna"]);
    one.outlet.breaks();
    expect(members(setting)).toEqual(["anna"]);
  });

  test("is told to who listens by a pattern too, who is not present itself", () => {
    const setting = new Setting();
    const [watcher, anna] = [setting.connect(principal("watcher")), setting.connect(principal("anna"))];
    setting.listen(watcher, "present/*");
    setting.listen(anna, "present/a");
    setting.endTurn();
    expect(members(setting)).toEqual(["anna"]);
    expect(changes(watcher.outlet.frames)).toEqual(["join present/a anna"]);
  });

  test("stays in order with publications", () => {
    const setting = new Setting();
    const [anna, ben] = [setting.connect(principal("anna")), setting.connect(principal("ben"))];
    setting.listen(anna, "present/a");
    setting.endTurn();
    setting.publish("present/a", "1");
    setting.listen(ben, "present/a");
    setting.publish("present/a", "2");
    ben.outlet.breaks();
    setting.endTurn();
    const heard = anna.outlet.writes.at(-1)?.parts.map((part) => String(part).replace(/ \S+(?= ben$)/, ""));
    expect(heard).toEqual(["present/a#1 1", "join present/a ben", "present/a#2 2", "leave present/a ben"]);
  });

  test("of a channel without it is refused, and nobody is told", async () => {
    const setting = new Setting();
    const anna = setting.connect(principal("anna"));
    setting.listen(anna, "a");
    setting.endTurn();
    expect(changes(anna.outlet.frames)).toEqual([]);
    expect(await outcome(() => members(setting, "a"))).toBe("not_available");
  });

  test("is for those who may ask for it", async () => {
    const setting = new Setting();
    const ask = (rights: Rights) => outcome(() => setting.hub.presence("present/a", rights));
    expect(await ask(new Rights({ subscribe: ["**"] }))).toBe("permission_denied");
    expect(await ask(new Rights({ presence: ["present/*"] }))).toEqual([]);
  });
});
