/** Peers of the old protocol on a fake clock: who is let in, what reaches whom, and when. */
import { describe, expect, test } from "bun:test";
import { everyRight } from "../../../src/core/access.ts";
import { makeKey } from "../../../src/core/keys.ts";
import { Refused } from "../../../src/core/refusals.ts";
import { slowSetting } from "../../core/setting.ts";
import { FakeChance } from "../../fakes/chance.ts";
import { stream } from "../../fakes/channels.ts";
import { settle } from "../../fakes/clock.ts";
import { keyOf, message, Place, sightOf, update } from "./place.ts";

describe("What reaches a peer", () => {
  test("is one message for each answer of Jeedom's, with its events as Jeedom wrote them", async () => {
    const place = new Place({ rights: "all" });
    const anna = await place.enter("anna");
    const odd = '{"datetime":"3.25","name":"plugin::news","option":"text"}';
    place.brings(update(1.5, 1, 10), '{"datetime":2.0001,"name":"ui::update","option":[]}');
    place.brings(odd);
    expect(anna.received).toEqual([
      message(2.0001, update(1.5, 1, 10), '{"datetime":2.0001,"name":"ui::update","option":[]}'),
      `{"datetime":3.25,"result":[${odd}]}`,
    ]);
  });

  test("is what its user may see, and nothing at all where that is nothing", async () => {
    const place = new Place();
    const [anna, ben] = [await place.enter("anna"), await place.enter("ben")];
    place.brings(update(1, 2, 20));
    place.brings(update(2, 1, 11), update(2.1, 3, 30), '{"datetime":2.2,"name":"notify","option":{"title":"x"}}');
    expect(anna.received).toHaveLength(2);
    expect(ben.received).toEqual([
      message(2.2, update(2, 1, 11), '{"datetime":2.2,"name":"notify","option":{"title":"x"}}'),
    ]);
  });

  test("is worded once for all with the same rights, whoever they are", async () => {
    const place = new Place();
    place.users.set(keyOf("clara"), sightOf(1, 2, 3));
    const peers = [await place.enter("anna"), await place.enter("anna"), await place.enter("clara")];
    place.brings(update(1, 2, 20), update(1, 3, 20));
    expect(new Set(peers.map(({ writes }) => writes[0])).size).toBe(1);
  });

  test("is nothing but events: no tell of a hole, and nothing that others publish there", async () => {
    const place = new Place();
    const anna = await place.enter("anna");
    const gap = { data: '{"gap":{"from":1,"to":2}}', tags: { gap: "upstream" } };
    void place.setting.hub.publish("jeedom/events", gap, everyRight);
    place.brings("1", "null", '"x"', "[]", "{}", '{"name":"x"}', '{"datetime":[],"name":"x"}');
    expect(anna.received).toEqual([]);
    expect(place.setting.log.errors).toEqual([]);
  });

  test("is everything for who has a key of Hearthwire's that may hear the channel; another ends with 1000", async () => {
    const place = new Place();
    const record = (name: string, channel: string) => {
      const made = makeKey(new FakeChance(), { name, grants: { subscribe: [channel] }, created: 0 });
      place.keys.set(made.record.id, made.record);
      return made.key;
    };
    const key = record("one", "jeedom/**");
    const peer = place.open();
    peer.session.message(JSON.stringify({ apiKey: key }));
    await settle();
    place.brings(update(1, 99, 1));
    expect(peer.outlet.received).toEqual([message(1, update(1, 99, 1))]);
    place.keys.clear();
    const other = place.open();
    other.session.message(JSON.stringify({ apiKey: key.replace(/.$/, "?") }));
    await settle();
    expect(other.outlet.ends[0]).toMatchObject({ code: 1000, abrupt: false });
    expect(place.asked.filter((asked) => asked.startsWith("hw_"))).toHaveLength(1);
  });
});

describe("Who says since when it was away", () => {
  test("gets what it missed in one message, then what comes", async () => {
    const place = new Place();
    place.brings(update(1, 1, 10));
    place.brings(update(2, 1, 11), update(2.5, 2, 12));
    place.brings(update(3, 1, 13));
    const [anna, ben] = [await place.enter("anna", { since: 1 }), await place.enter("ben", { since: "2.5" })];
    place.brings(update(4, 1, 14));
    expect(anna.received).toEqual([
      message(3, update(2, 1, 11), update(2.5, 2, 12), update(3, 1, 13)),
      message(4, update(4, 1, 14)),
    ]);
    expect(ben.received).toEqual([message(3, update(3, 1, 13)), message(4, update(4, 1, 14))]);
  });

  test("is told of the rest of a moment that two answers parted, and not again of what came in one", async () => {
    const place = new Place();
    place.brings(update(1, 1, 10), update(2, 1, 11), update(2, 3, 11));
    place.setting.clock.advance(100);
    place.brings(update(2, 2, 12));
    expect((await place.enter("anna", { since: 2 })).received).toEqual([message(2, update(2, 2, 12))]);
  });

  test("gets also what came late, with a time before that", async () => {
    const place = new Place();
    place.brings(update(1, 1, 10), update(3, 1, 11));
    place.brings(update(2, 2, 12));
    expect((await place.enter("anna", { since: 3 })).received).toEqual([message(2, update(2, 2, 12))]);
  });

  test("goes on at its place also where Jeedom's clock was set back", async () => {
    const place = new Place();
    place.brings(update(100, 1, 10));
    place.brings(update(50, 1, 11));
    place.brings(update(51, 1, 12));
    expect((await place.enter("anna", { since: 100 })).received).toEqual([
      message(51, update(50, 1, 11), update(51, 1, 12)),
    ]);
  });

  test("at a time of which nothing stands there gets all that is later", async () => {
    const place = new Place();
    place.brings(update(1, 1, 10));
    place.brings(update(3, 1, 11));
    expect((await place.enter("anna", { since: 2 })).received).toEqual([message(3, update(3, 1, 11))]);
    expect((await place.enter("anna", { since: 7 })).received).toEqual([]);
    expect((await place.enter("anna")).received).toEqual([]);
  });

  test("has neither a hole nor anything twice while its reading is on its way", async () => {
    const { setting, broker } = slowSetting({ settingsOf: () => stream });
    const place = new Place({}, setting);
    place.brings(update(1, 1, 10));
    const anna = await place.enter("anna", { since: 0 });
    place.brings(update(2, 1, 11));
    await broker.answer();
    place.brings(update(3, 1, 12));
    expect(anna.received).toEqual([message(3, update(1, 1, 10), update(2, 1, 11), update(3, 1, 12))]);
  });
});

describe("A peer that says nothing", () => {
  test("is ended exactly when its time is over, also among others, and by one timer", () => {
    const place = new Place({ authDelay: 1500 });
    const first = place.open();
    place.setting.clock.advance(700);
    const second = place.open();
    const timers = place.setting.clock.timers;
    place.open();
    expect(place.setting.clock.timers).toBe(timers);
    place.setting.clock.advance(799);
    expect(first.outlet.ends).toEqual([]);
    place.setting.clock.advance(1);
    expect(first.outlet.ends).toEqual([{ code: 1000, reason: "No key came in time", abrupt: false }]);
    place.setting.clock.advance(699);
    expect(second.outlet.ends).toEqual([]);
    place.setting.clock.advance(1);
    expect(second.outlet.ends).toHaveLength(1);
  });

  test("is not one whose key is being checked", async () => {
    const place = new Place();
    place.users.set(keyOf("slow"), sightOf());
    const { session, outlet } = place.open();
    session.message(JSON.stringify({ apiKey: keyOf("slow") }));
    place.setting.clock.advance(5000);
    await settle();
    expect(outlet.ends).toEqual([]);
  });
});

describe("With a read_delay", () => {
  test("the first event comes at once, and later ones together, never sooner than that", async () => {
    const place = new Place({ readDelay: 2000 });
    const anna = await place.enter("anna");
    place.brings(update(1, 1, 10));
    expect(anna.received).toHaveLength(1);
    place.setting.clock.advance(1);
    place.brings(update(2, 1, 11));
    place.brings(update(3, 2, 12));
    place.setting.clock.advance(1998);
    expect(anna.received).toHaveLength(1);
    place.setting.clock.advance(1);
    expect(anna.received.slice(1)).toEqual([message(3, update(2, 1, 11), update(3, 2, 12))]);
    place.setting.clock.advance(10_000);
    place.brings(update(4, 1, 13));
    expect(anna.received).toHaveLength(3);
  });

  test("who comes meanwhile gets nothing that is older than it", async () => {
    const place = new Place({ readDelay: 2000 });
    await place.enter("anna");
    place.brings(update(1, 1, 10));
    place.brings(update(2, 1, 11));
    const late = await place.enter("anna");
    place.brings(update(3, 1, 12));
    place.setting.clock.advance(2000);
    expect(late.received).toEqual([message(3, update(3, 1, 12))]);
  });
});

describe("What Jeedom says of a key", () => {
  test("ends its peers with 1000 within two minutes when it is nobody's any more, and nobody else", async () => {
    const place = new Place();
    const [anna, other, ben] = [await place.enter("anna"), await place.enter("anna"), await place.enter("ben")];
    place.users.delete(keyOf("anna"));
    await place.pass(100_000);
    for (const { ends } of [anna, other]) {
      expect(ends).toEqual([
        { code: 1000, reason: "Cannot listen any more: the user was disabled or has another key", abrupt: false },
      ]);
    }
    expect(ben.ends).toEqual([]);
  });

  test("holds while Jeedom cannot be asked; who comes then is dropped, and so comes back", async () => {
    const place = new Place();
    const anna = await place.enter("anna");
    place.users.set(keyOf("anna"), new Refused("notAvailable", "Jeedom does not answer"));
    await place.pass(300_000);
    expect(anna.ends).toEqual([]);
    place.users.set(keyOf("ben"), new Refused("notAvailable", "Jeedom does not answer"));
    const late = await place.enter("ben");
    expect(late.ends).toEqual([{ code: 1006, reason: "Cannot check the key: Jeedom does not answer", abrupt: false }]);
  });

  test("changes what its peers see, without a hole and without anything twice", async () => {
    const place = new Place({ readDelay: 2000 });
    const ben = await place.enter("ben");
    place.brings(update(1, 1, 10), update(1, 2, 10));
    place.brings(update(2, 1, 11), update(2, 2, 11));
    place.users.set(keyOf("ben"), sightOf(2));
    await place.pass(100_000);
    place.brings(update(3, 1, 12), update(3, 2, 12));
    place.brings(update(4, 1, 13), update(4, 2, 13));
    await place.pass(4000);
    expect(ben.received).toEqual([
      message(1, update(1, 1, 10)),
      message(2, update(2, 1, 11)),
      message(3, update(3, 2, 12)),
      message(4, update(4, 2, 13)),
    ]);
  });

  test("is not asked for by a hundred thousand keys at random at once", async () => {
    const place = new Place();
    const never = new Promise<undefined>(() => undefined);
    const busy = new Place({ upstream: { name: "jeedom", check: () => never } }, place.setting);
    const peers = Array.from({ length: 2000 }, () => busy.open());
    for (const [at, { session }] of peers.entries()) session.message(JSON.stringify({ apiKey: keyOf(`user ${at}`) }));
    await settle();
    const dropped = peers.filter(({ outlet }) => outlet.ends.length > 0);
    expect(dropped).toHaveLength(2000 - 504);
    expect(dropped.every(({ outlet }) => outlet.ends[0]?.code === 1006)).toBe(true);
  });
});

describe("The end of a connection", () => {
  test("breaks it when the gateway stops, since known clients come back from nothing else", async () => {
    const place = new Place();
    const anna = await place.enter("anna");
    place.setting.hub.end(
      () => true,
      () => new Refused("shutdown"),
    );
    expect(anna.ends).toEqual([{ code: 1006, reason: "The gateway is stopping", abrupt: false }]);
  });

  test("is 1000 with a reason for every fault of the peer", async () => {
    const place = new Place();
    for (const said of [
      "1",
      "[]",
      '"x"',
      "null",
      '{"apiKey":{}}',
      '{"apiKey":""}',
      JSON.stringify({ apiKey: keyOf("?") }),
    ]) {
      const { session, outlet } = place.open();
      session.message(said);
      await settle();
      expect(outlet.ends).toEqual([{ code: 1000, reason: expect.stringMatching(/^Cannot /), abrupt: false }]);
    }
    expect(place.setting.log.errors).toEqual([]);
  });
});

test("a peer that answers no ping is found, and its connection freed", async () => {
  const place = new Place({ heartbeat: 25_000 });
  const anna = await place.enter("anna");
  await place.pass(80_000);
  expect(anna.pings).toBeGreaterThan(0);
  expect(anna.ends).toMatchObject([{ code: 1006, abrupt: true }]);
  expect(place.setting.hub.sessions.size).toBe(0);
});

test("what peers say after the first message is ignored", async () => {
  const place = new Place();
  const { session, outlet } = place.open();
  session.message(JSON.stringify({ apiKey: keyOf("anna") }));
  for (const said of ["1", "x", '{"apiKey":""}', new Uint8Array([255])]) session.message(said);
  await settle();
  session.message("y");
  place.brings(update(1, 1, 10));
  expect(outlet.received).toHaveLength(1);
  expect(outlet.ends).toEqual([]);
  expect(place.asked).toHaveLength(1);
});
