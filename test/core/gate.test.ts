import { describe, expect, test } from "bun:test";
import { everyRight, grantsFault, joinGrants, Rights } from "../../src/core/access.ts";
import { credentialOf, keyId, keyInMessage, offeredSubprotocols } from "../../src/core/credentials.ts";
import { addressIn, Gate, nobody, rangeFault } from "../../src/core/gate.ts";
import { hashOf, isHash, makeKey } from "../../src/core/keys.ts";
import { originAllowed, ownOrigins } from "../../src/core/origins.ts";
import { Refused } from "../../src/core/refusals.ts";
import { Tickets } from "../../src/core/tickets.ts";
import type { Grants, KeyRecord, KeyStore, Policy } from "../../src/ports.ts";
import { FakeChance } from "../fakes/chance.ts";
import { FakeClock } from "../fakes/clock.ts";
import { outcome, principal } from "./setting.ts";

class Keys implements KeyStore {
  readonly kept = new Map<string, KeyRecord>();
  readonly touched: [id: string, time: number][] = [];
  found = 0;

  find(id: string): KeyRecord | undefined {
    this.found++;
    return this.kept.get(id);
  }
  list(): readonly KeyRecord[] {
    return [...this.kept.values()];
  }
  put(key: KeyRecord): void {
    this.kept.set(key.id, key);
  }
  remove(id: string): boolean {
    return this.kept.delete(id);
  }
  touch(id: string, time: number): void {
    this.touched.push([id, time]);
  }
}

/** Where credentials are shown from. */
const here = "192.0.2.1";

function makeGate(publicUrl?: string, wrongKeys = 0) {
  const clock = new FakeClock();
  const chance = new FakeChance();
  const keys = new Keys();
  const tickets = new Tickets(clock, chance);
  const gate = new Gate({ keys, clock, tickets, publicUrl, wrongKeys });
  const add = (grants: Grants, more: { expires?: number; device?: string } = {}) => {
    const made = makeKey(chance, { name: "test", grants, created: clock.now(), ...more });
    keys.put(made.record);
    return made;
  };
  return { clock, chance, keys, tickets, gate, add };
}

const policy: Policy = { openTo: [], anonymous: {}, devices: [], origins: [] };

describe("keys", () => {
  test("are known by their hash alone, and every other text is not", () => {
    const { key, record } = makeKey(new FakeChance(), { name: "n", grants: {}, created: 1 });
    expect(key).toMatch(/^hw_[A-Za-z0-9]{10}_[A-Za-z0-9]{24}$/);
    expect(JSON.stringify(record)).not.toContain(key.slice(-24));
    expect(record.hash).toBe(hashOf(key));
    expect(isHash(record.hash, key)).toBe(true);
    expect(isHash(record.hash, `${key}x`)).toBe(false);
    expect(isHash("", key)).toBe(false);
    expect(isHash("no hash", key)).toBe(false);
    expect(keyId(key)).toBe(record.id);
  });

  test("let in as whom they were made for, and all sessions of one share its rights", () => {
    const { gate, add, keys } = makeGate();
    const { key, record } = add({ subscribe: ["a/*"] }, { device: "chip" });
    const admitted = gate.admit({ kind: "key", text: key }, here);
    expect(admitted).toMatchObject({ id: record.id, name: "test", device: "chip" });
    expect(admitted.rights.may("subscribe", "a/b")).toBe(true);
    expect(gate.byKey(key, here)).toBe(admitted);
    expect(keys.found).toBe(1);
  });

  test.each([
    ["no key", ""],
    ["another secret", `hw_0000000001_${"x".repeat(24)}`],
    ["an unknown id", `hw_unknown123_${"x".repeat(24)}`],
    ["a key in a key", `hw_0000000001_hw_0000000001_${"x".repeat(24)}`],
    ["what is too short", "hw_0000000001_short"],
    ["what is followed by a line", `hw_0000000001_${"x".repeat(24)}\n`],
  ])("refuse %s, also when the right one is known", async (_what, text) => {
    const { gate, add } = makeGate();
    const { key } = add({});
    expect(await outcome(() => gate.byKey(text, here))).toBe("unauthorized");
    gate.byKey(key, here);
    expect(await outcome(() => gate.byKey(text, here))).toBe("unauthorized");
  });

  test("expire, though they are remembered", async () => {
    const { gate, add, clock } = makeGate();
    const { key } = add({}, { expires: clock.now() + 1000 });
    expect(gate.byKey(key, here).expires).toBe(clock.now() + 1000);
    clock.advance(1000);
    expect(await outcome(() => gate.byKey(key, here))).toBe("expired");
  });

  test("that are forgotten are looked up again: revoked ones are nobody's, changed ones have their new rights", async () => {
    const { gate, add, keys } = makeGate();
    const [revoked, changed] = [add({ subscribe: ["a"] }), add({ subscribe: ["a"] })];
    for (const { key } of [revoked, changed]) gate.byKey(key, here);
    keys.remove(revoked.record.id);
    keys.put({ ...changed.record, grants: { subscribe: ["b"] } });
    for (const { record } of [revoked, changed]) gate.forget(record.id);
    expect(await outcome(() => gate.byKey(revoked.key, here))).toBe("unauthorized");
    expect(gate.byKey(changed.key, here).rights.may("subscribe", "b")).toBe(true);
    expect(gate.byKey(changed.key, here).rights.may("subscribe", "a")).toBe(false);
  });

  test("note their last use once a minute at most", () => {
    const { gate, add, keys, clock } = makeGate();
    const { key } = add({});
    const begun = clock.now();
    for (let second = 0; second < 130; second++) {
      gate.byKey(key, here);
      clock.advance(1000);
    }
    expect(keys.touched.map(([, time]) => time - begun)).toEqual([0, 60_000, 120_000]);
  });
});

describe("wrong keys", () => {
  const wrong = (at: number): string => `hw_guess${String(at).padStart(5, "0")}_${"x".repeat(24)}`;

  test("are looked at so many times a second and address; who guesses faster is not even told if it is right", async () => {
    const { gate, add, clock, keys } = makeGate(undefined, 5);
    const { key } = add({});
    for (let at = 0; at < 5; at++) expect(await outcome(() => gate.byKey(wrong(at), here))).toBe("unauthorized");
    const asked = keys.found;
    for (const text of [wrong(5), key]) expect(await outcome(() => gate.byKey(text, here))).toBe("too_many_requests");
    expect(await outcome(() => gate.admit({ kind: "ticket", text: "hwt_x" }, here))).toBe("too_many_requests");
    expect(keys.found).toBe(asked);
    expect(gate.byKey(key, "192.0.2.2")).toMatchObject({ name: "test" });
    clock.advance(200);
    expect(gate.byKey(key, here)).toMatchObject({ name: "test" });
  });

  test("do not shut out whoever came from there with a good one before", async () => {
    const { gate, add } = makeGate(undefined, 5);
    const { key } = add({});
    gate.byKey(key, here);
    for (let at = 0; at < 6; at++) await outcome(() => gate.byKey(wrong(at), here));
    expect(await outcome(() => gate.byKey(wrong(7), here))).toBe("too_many_requests");
    expect(gate.byKey(key, here)).toMatchObject({ name: "test" });
  });

  test("are counted where the answer comes later too, and what is refused for another reason is not", async () => {
    const { gate } = makeGate(undefined, 2);
    const expired = () => gate.guarded(here, () => Promise.reject(new Refused("tokenExpired")));
    const wrongToken = () => gate.guarded(here, () => Promise.reject(new Refused("unauthorized")));
    for (let count = 0; count < 5; count++) expect(await outcome(expired)).toBe("token_expired");
    for (let count = 0; count < 2; count++) expect(await outcome(wrongToken)).toBe("unauthorized");
    expect(await outcome(expired)).toBe("too_many_requests");
  });
});

describe("tickets", () => {
  test("stand for their principal once", async () => {
    const { gate, tickets } = makeGate();
    const anna = principal("anna");
    const text = tickets.issue(anna);
    expect(text).toMatch(/^hwt_[A-Za-z0-9]{28}$/);
    expect(gate.admit({ kind: "ticket", text }, here)).toBe(anna);
    expect(await outcome(() => gate.admit({ kind: "ticket", text }, here))).toBe("unauthorized");
    expect(await outcome(() => gate.admit({ kind: "ticket", text: "hwt_unknown" }, here))).toBe("unauthorized");
  });

  test("are good for 30 s", async () => {
    const { tickets, clock } = makeGate();
    const [first, second] = [tickets.issue(principal("a")), tickets.issue(principal("b"))];
    clock.advance(29_999);
    expect(tickets.redeem(first).id).toBe("a");
    clock.advance(1);
    expect(await outcome(() => tickets.redeem(second))).toBe("unauthorized");
  });

  test("go with their key", async () => {
    const { gate, tickets, add } = makeGate();
    const { key, record } = add({});
    const [mine, other] = [tickets.issue(gate.byKey(key, here)), tickets.issue(principal("other"))];
    gate.forget(record.id);
    expect(await outcome(() => tickets.redeem(mine))).toBe("unauthorized");
    expect(tickets.redeem(other).id).toBe("other");
  });

  test("do not outlive the key that they stand for", async () => {
    const { gate, tickets, add, clock } = makeGate();
    const { key } = add({}, { expires: clock.now() + 10_000 });
    const text = tickets.issue(gate.byKey(key, here));
    clock.advance(10_000);
    expect(await outcome(() => gate.admit({ kind: "ticket", text }, here))).toBe("expired");
  });
});

describe("strangers", () => {
  const open: Policy = {
    ...policy,
    openTo: ["192.168.0.0/16", "10.1.2.3", "fd00::/8", "::1"],
    anonymous: { subscribe: ["demo/**"] },
  };

  test.each([
    ["192.168.7.9", true],
    ["::ffff:192.168.7.9", true],
    ["::ffff:c0a8:709", true],
    ["192.169.0.1", false],
    ["10.1.2.3", true],
    ["10.1.2.4", false],
    ["fd12::7", true],
    ["fe80::1%eth0", false],
    ["::1", true],
    ["127.0.0.1", false],
    ["::ffff:127.0.0.1", false],
    ["", false],
    ["unknown", false],
  ])("from %s may do what the anonymous may: %p", (address, welcome) => {
    const { gate } = makeGate();
    for (let time = 0; time < 2; time++) {
      const stranger = gate.stranger(open, address);
      expect(stranger.id).toBe("anonymous");
      expect(stranger.rights.may("subscribe", "demo/a")).toBe(welcome);
      expect(stranger.rights.may("publish", "demo/a")).toBe(false);
    }
  });

  test("are nobody where nothing is open, and share their rights where it is", () => {
    const { gate } = makeGate();
    expect(gate.stranger(policy, "127.0.0.1")).toBe(nobody);
    expect(gate.stranger(open, "10.1.2.3")).toBe(gate.stranger(open, "::1"));
  });

  test("are told apart by policy", () => {
    const { gate } = makeGate();
    const other: Policy = { ...policy, openTo: ["0.0.0.0/0"], anonymous: { publish: ["in"] } };
    expect(gate.stranger(open, "8.8.8.8")).toBe(nobody);
    expect(gate.stranger(other, "8.8.8.8").rights.may("publish", "in")).toBe(true);
  });

  test("ranges are checked when they are written", () => {
    expect(rangeFault("192.168.0.0/16")).toBeUndefined();
    expect(rangeFault("::1")).toBeUndefined();
    for (const bad of ["192.168.0.0/33", "house", "10.0.0.0/", ""]) expect(rangeFault(bad)).toBeString();
    expect(addressIn("::ffff:10.0.0.1", ["10.0.0.0/8"])).toBe(true);
    expect(addressIn("10.0.0.1", [])).toBe(false);
  });
});

describe("origins", () => {
  test.each([
    ["http://192.168.1.5:8642", "192.168.1.5:8642", false, true],
    ["http://localhost:8642", "localhost:8642", false, true],
    ["http://hearthwire.local", "hearthwire.local", false, true],
    ["https://hearthwire.fritz.box", "hearthwire.fritz.box", true, true],
    ["http://[fd00::1]:8642", "[fd00::1]:8642", false, true],
    ["http://[::1]", "[::1]", false, true],
    ["http://box:80", "box:80", false, true],
    ["http://LOCALHOST:8642", "localhost:8642", false, true],
    // The same machine, but by another scheme, name or port.
    ["https://localhost:8642", "localhost:8642", false, false],
    ["http://localhost:8000", "localhost:8642", false, false],
    ["http://other.local", "hearthwire.local", false, false],
    // A name that a stranger pointed at this machine (DNS rebinding).
    ["http://evil.example", "evil.example", false, false],
    ["http://192.168.1.5.evil.example", "192.168.1.5.evil.example", false, false],
    ["http://local.evil", "local.evil", false, false],
    ["http://evil.box", "evil.box", false, false],
    ["http://fritz.box.evil.com", "fritz.box.evil.com", false, false],
    ["http://localhost.evil.com:8642", "localhost.evil.com:8642", false, false],
    ["null", "localhost:8642", false, false],
    ["null", "null", false, false],
    ["", "", false, false],
  ])("%p that reached us as %p (secure: %p) is our own: %p", (origin, host, secure, own) => {
    expect(originAllowed(origin, ownOrigins(host, secure, undefined), [])).toBe(own);
  });

  test("the public URL is our own, by whatever name a request came", () => {
    const own = ownOrigins("evil.example", false, "https://House.Example:8443/path");
    expect(own).toEqual(["https://house.example:8443"]);
    expect(ownOrigins(null, false, undefined)).toEqual([]);
  });

  test.each([
    ["https://app.example", ["https://app.example"], true],
    ["https://App.example", ["HTTPS://app.EXAMPLE"], true],
    ["http://app.example", ["https://app.example"], false],
    ["https://app.example:8443", ["https://app.example"], false],
    ["https://a.app.example", ["https://*.app.example"], true],
    ["https://a.b.app.example", ["https://*.app.example"], true],
    ["https://app.example", ["https://*.app.example"], false],
    ["https://evilapp.example", ["https://*.app.example"], false],
    ["http://a.app.example", ["https://*.app.example"], false],
    ["https://anything", ["*"], true],
    ["null", ["*"], true],
    ["https://anything", [], false],
  ])("%p is listed by %p: %p", (origin, listed, allowed) => {
    expect(originAllowed(origin, [], listed)).toBe(allowed);
  });

  test("what is no web page passes; a page that is not ours is refused by name", () => {
    const { gate } = makeGate();
    const ask = (headers: Record<string, string>) => gate.requireOrigin(new Headers(headers), false, policy);
    ask({ host: "evil.example" });
    ask({ host: "localhost", origin: "http://localhost" });
    expect(() => ask({ host: "localhost", origin: "http://evil.example" })).toThrow(
      "Cannot serve a page of http://evil.example",
    );
  });
});

describe("credentials", () => {
  const key = `hw_abcdefghij_${"x".repeat(24)}`;
  const of = (headers: Record<string, string>, query = "") =>
    credentialOf(new Headers(headers), new URLSearchParams(query));

  test.each([
    ["a bearer", { authorization: `Bearer ${key}` }, "", { kind: "key", text: key }],
    ["a bearer in lower case", { authorization: `bearer  ${key}` }, "", { kind: "key", text: key }],
    ["a header of its own", { "x-api-key": key }, "", { kind: "key", text: key }],
    [
      "a subprotocol",
      { "sec-websocket-protocol": `hearthwire, hearthwire.key.${key}` },
      "",
      { kind: "key", text: key },
    ],
    ["a ticket", {}, "ticket=hwt_1", { kind: "ticket", text: "hwt_1" }],
    ["a cookie", { cookie: `a=b; hearthwire_key=${key}; c=d` }, "", { kind: "key", text: key }],
  ] as const)("come as %s", (_how, headers, query, credential) => {
    expect(of(headers, query)).toEqual(credential);
  });

  test("are taken in one order, whatever else a request has", () => {
    const cookie = { cookie: "hearthwire_key=cookie" };
    const offer = { ...cookie, "sec-websocket-protocol": "hearthwire.key.offered" };
    const header = { ...offer, "x-api-key": "header" };
    expect(of({ ...header, authorization: "Bearer bearer" }, "ticket=t")?.text).toBe("bearer");
    expect(of(header, "ticket=t")?.text).toBe("header");
    expect(of(offer, "ticket=t")?.text).toBe("offered");
    expect(of(cookie, "ticket=t")?.text).toBe("t");
    expect(of(cookie)?.text).toBe("cookie");
  });

  test.each([
    ["nothing", {}],
    ["another scheme", { authorization: "Basic dXNlcjpwYXNz" }],
    ["a bearer of nothing", { authorization: "Bearer " }],
    ["a bearer of two", { authorization: "Bearer a b" }],
    ["another subprotocol", { "sec-websocket-protocol": "xhearthwire.key.abc, hearthwire" }],
    ["another cookie", { cookie: "my_hearthwire_key=abc; hearthwire_key=" }],
  ])("are none in %s", (_what, headers: Record<string, string>) => {
    expect(of(headers)).toBeUndefined();
  });

  test("an empty header is a wrong key, not none, so that nobody is let in as a stranger by mistake", () => {
    expect(of({ "x-api-key": "" })).toEqual({ kind: "key", text: "" });
    expect(of({}, "ticket=")).toEqual({ kind: "ticket", text: "" });
  });

  test("subprotocols keep their order", () => {
    expect(offeredSubprotocols(new Headers({ "sec-websocket-protocol": "b,a , c" }))).toEqual(["b", "a", "c"]);
    expect(offeredSubprotocols(new Headers())).toEqual([]);
  });

  test.each([
    [`{"apiKey":"${key}"}`, key],
    [' { "apiKey" : "x", "more": 1 } ', "x"],
    ['{"apiKey":7}', ""],
    ['{"apiKey":null}', ""],
    ['{"channel":"a","data":{"apiKey":"x"}}', undefined],
    ['["apiKey"]', undefined],
    ['"apiKey"', undefined],
    ['{"apiKey":"x"', undefined],
    ["apiKey", undefined],
    ["null", undefined],
  ])("in a first message %s: %p", (text, found) => {
    expect(keyInMessage(text)).toBe(found);
  });
});

describe("rights", () => {
  test("are what the grants say, for names, patterns and methods", () => {
    const rights = new Rights({ subscribe: ["a/**", "$device/me"], call: ["light.*", "scene.run"] });
    expect(rights.may("subscribe", "a/b/c")).toBe(true);
    expect(rights.may("subscribe", "a/*")).toBe(true);
    expect(rights.may("subscribe", "**")).toBe(false);
    expect(rights.may("subscribe", "$device/me")).toBe(true);
    expect(rights.may("subscribe", "$device/you")).toBe(false);
    expect(rights.may("publish", "a/b")).toBe(false);
    expect(rights.may("call", "light.on")).toBe(true);
    expect(rights.may("call", "light.on.now")).toBe(false);
    expect(rights.may("call", "scene.run")).toBe(true);
    expect([rights.mayAny("call"), rights.mayAny("admin")]).toEqual([true, false]);
  });

  test("of a wildcard do not reach what is reserved", () => {
    expect(new Rights({ subscribe: ["**"] }).may("subscribe", "$device/you")).toBe(false);
    expect(everyRight.may("publish", "$device/you")).toBe(true);
  });

  test("that are not there are told as what cannot be done", () => {
    const rights = new Rights({ publish: ["a/*"] });
    expect(() => rights.require("publish", "b")).toThrow("Cannot publish on b: no such grant");
    expect(() => rights.require("history", "b")).toThrow("Cannot read the history of b: no such grant");
    expect(() => rights.require("presence", "b/*")).toThrow("Cannot tell who is in all of b/*: no such grant");
  });

  test("answer the same however often they are asked", () => {
    const rights = new Rights({ publish: ["a/*"] });
    for (let round = 0; round < 3; round++) {
      for (let at = 0; at < 5000; at++) rights.may("publish", `b/${at}`);
      expect([rights.may("publish", "a/b"), rights.may("publish", "b/1")]).toEqual([true, false]);
      expect(rights.may("subscribe", "a/b")).toBe(false);
    }
  });

  test("join, and faulty ones are told by verb and pattern", () => {
    expect(joinGrants({ subscribe: ["a"], admin: [] }, { subscribe: ["a", "b"], call: ["x.*"] })).toEqual({
      subscribe: ["a", "b"],
      call: ["x.*"],
    });
    expect(grantsFault({ subscribe: ["a/*"], call: ["light.*"] })).toBeUndefined();
    expect(grantsFault({ publish: ["a", "**/b"] })).toBe('publish "**/b": `**` must be its last level');
    expect(grantsFault({ call: ["light..on"] })).toBe('call "light..on": it has an empty level');
  });
});
