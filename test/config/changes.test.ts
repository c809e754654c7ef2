import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { changesBetween } from "../../src/config/changes.ts";
import { InForce } from "../../src/config/in-force.ts";
import { options, parseConfig } from "../../src/config/load.ts";
import type { Config } from "../../src/config/schema.ts";

function config(text: string): Config {
  return parseConfig({ text: `data: /data\nunix_socket: false\n${text}`, env: { HOME: "/home" } });
}

/** What differs, with `!` before what needs a restart. */
function between(before: string, after: string): string[] {
  return changesBetween(config(before), config(after)).map(({ option, live }) => (live ? option : `!${option}`));
}

describe("what a reload would change", () => {
  test("is named by options, and never by values", () => {
    expect(between("", "")).toEqual([]);
    expect(between("", "limits: { queue: { age: 20s } }\nlisten: 1234")).toEqual(["!listen.port", "limits.queue.age"]);
    const secret = (text: string): string => `tokens: { hmac: [${text}] }`;
    expect(between(secret("a-secret-of-sixteen"), secret("another-secret-of-it"))).toEqual(["tokens.hmac"]);
  });

  test("says of the entries of mappings which ones, and of their order that it is another", () => {
    const channels = (...patterns: string[]): string => `channels: { ${patterns.join(", ")} }`;
    const [a, b] = ["a/**: { kind: map }", "b: { kind: map }"];
    expect(between(channels(a), channels(a, b))).toEqual(["channels.b"]);
    expect(between(channels(a, b), channels("a/**: { kind: stream }", b))).toEqual([
      'channels."a/**".kind',
      'channels."a/**".queue',
    ]);
    expect(between(channels(a, b), channels(b, a))).toEqual(["channels"]);
  });

  test("is a restart where there are more or fewer listeners, and none for who may come to one", () => {
    const listeners = (...all: string[]): string => `listeners: [${all.join(", ")}]`;
    expect(between(listeners("{ listen: 1001 }"), listeners("{ listen: 1001 }", "{ listen: 1002 }"))).toEqual([
      "!listeners",
    ]);
    expect(between(listeners("{ listen: 1001 }"), listeners("{ listen: 1001, origins: [https://a.example] }"))).toEqual(
      ["listeners[0].origins"],
    );
    expect(between(listeners("{ listen: 1001 }"), listeners("{ listen: 1002 }"))).toEqual([
      "!listeners[0].listen.port",
    ]);
  });

  test("is a restart for a listener that shall speak TLS, and none for another certificate", () => {
    const tls = (name: string): string => `tls: { cert: /${name}.pem, key: /${name}.key }`;
    expect(between("", tls("a"))).toEqual(["!tls"]);
    expect(between(tls("a"), tls("b"))).toEqual(["tls.cert", "tls.key"]);
  });

  test("is marked for every option", () => {
    const live = options.filter(({ path, notes }) => path.length === 1 && notes.live).map(({ path }) => path[0]);
    expect(live).toEqual([
      "addresses",
      "anonymous",
      "origins",
      "channels",
      "bridges",
      "tokens",
      "calls",
      "drain",
      "limits",
    ]);
  });
});

describe("the configuration in force", () => {
  const before =
    "listen: 1\nlimits: { body: 2MiB }\ndrain: 1s\nanonymous: { subscribe: [a] }\nchannels: { a: { kind: map } }";
  const after = "listen: 2\nlimits: { body: 3MiB }\ndrain: 2s\nchannels: { a: {}, b: {} }";

  test("takes up what changes live, in the objects that everybody has, and leaves the rest", () => {
    const inForce = new InForce(config(before));
    const { limits } = inForce.config;
    const next = config(after);
    inForce.takeUp(next, changesBetween(inForce.config, next));
    expect(limits.body).toBe(3 * 2 ** 20);
    expect(inForce.config.listen.port).toBe(1);
    const { listen: _mine, ...mine } = inForce.config;
    const { listen: _theirs, ...theirs } = next;
    expect(mine).toEqual(theirs);
    expect(changesBetween(inForce.config, next).map(({ option }) => option)).toEqual(["listen.port"]);
  });

  test("makes what follows from it anew after a reload only, and leaves the configuration that it was given alone", () => {
    const given = config(before);
    const inForce = new InForce(given);
    let made = 0;
    const drain = inForce.derive(() => {
      made++;
      return inForce.config.drain;
    });
    expect([drain(), drain(), made]).toEqual([1000, 1000, 1]);
    const next = config(after);
    inForce.takeUp(next, changesBetween(inForce.config, next));
    expect([drain(), drain(), made]).toEqual([2000, 2000, 2]);
    expect(given).toEqual(config(before));
  });

  test("is the next one, but for what needs a restart, whatever they are", () => {
    const texts = fc
      .record({
        drain: fc.constantFrom("drain: 1s", "drain: 2s", ""),
        heartbeat: fc.constantFrom("heartbeat: 10s", "heartbeat: 20s", ""),
        tokens: fc.constantFrom("tokens: { issuer: a }", "tokens: { issuer: b, audience: [c] }", ""),
        channels: fc.constantFrom(
          "channels: { a: {}, b: {} }",
          "channels: { b: {}, a: {} }",
          "channels: { c: {} }",
          "",
        ),
        listeners: fc.constantFrom(
          "listeners: [{ listen: 1, anonymous: { publish: [x] } }]",
          "listeners: [{ listen: 1, open_to: [127.0.0.1] }]",
          "listeners: [{ listen: 2 }, { listen: 3 }]",
          "",
        ),
      })
      .map((parts) => Object.values(parts).join("\n"));
    fc.assert(
      fc.property(texts, texts, (one, other) => {
        const inForce = new InForce(config(one));
        const next = config(other);
        inForce.takeUp(next, changesBetween(inForce.config, next));
        expect(changesBetween(inForce.config, next).filter(({ live }) => live)).toEqual([]);
      }),
    );
  });
});
