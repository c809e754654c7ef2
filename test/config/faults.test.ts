import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { didYouMean } from "../../src/config/faults.ts";
import { faultOf, faultsOf, parse } from "./parsing.ts";

const file = "/etc/hearthwire/house.yaml";

describe("A configuration is refused", () => {
  test("for an option that does not exist, with its place and what was probably meant", () => {
    expect(faultOf("log: {}\nlimits:\n  subscriptons: 3\n")).toBe(
      `${file}:3:3:Cannot use option \`limits.subscriptons\`: there is no such option; did you mean \`subscriptions\`?`,
    );
    expect(faultOf("lisen: 80")).toContain("did you mean `listen`?");
    expect(faultOf("elephant: 80")).not.toContain("did you mean");
  });

  test("for a bad value, with its place and what it must be", () => {
    expect(faultOf("limits:\n  body: 3x\n")).toBe(
      `${file}:2:9:Cannot use \`limits.body\`: it must be a size like 64KB or 1MiB, or a number of bytes`,
    );
    expect(faultOf("log: { level: inof }")).toBe(
      `${file}:1:15:Cannot use \`log.level\`: it must be debug, info, warn or error; did you mean \`info\`?`,
    );
    expect(faultOf("heartbeat: 10ms")).toContain("it must be at least 1s");
    expect(faultOf("origins: [home.example.org]")).toContain("`origins[0]`: it must be an origin");
    expect(faultOf("trusted_proxies: [10.0.0.0/33]")).toContain("it must be an address or a range");
    expect(faultOf("public_url: ftp://a")).toContain("it must be a URL like");
    expect(faultOf("anonymous: { devices: perhaps }")).toContain("it must be true, false or loopback");
    expect(faultOf("limits: { subscriptions: many }")).toContain("it must be a number");
    expect(faultOf("channels: 5")).toContain("it must be a mapping");
    expect(faultOf("unix_socket: { mode: 0999 }")).toContain("it must be a file mode like 0660");
  });

  test("for an address that is none", () => {
    for (const listen of ["localhost", "1.2.3:80", "[x]:80", "a b:80", "1.1.1.1:70000", "::1:80", "-1", "8.5"]) {
      expect(faultOf(`listen: ${JSON.stringify(listen)}`)).toContain("`listen`: it ");
    }
  });

  test("for what is missing", () => {
    expect(faultOf("tls:\n  cert: a.pem\n")).toBe(`${file}:1:1:Cannot do without \`tls.key\`: give it a value`);
  });

  test("for text that is no YAML, and for YAML that is no mapping", () => {
    expect(faultOf("a: [")).toStartWith(`${file}:1:`);
    expect(faultOf("just words")).toContain("it must be a mapping of options");
    expect(faultOf("? [a]\n: b")).toContain("names of options are plain texts");
  });

  test("for a name that stands in it twice", () => {
    expect(faultOf("channels:\n  a/*: {}\n  b: {}\n  a/*: { kind: map }\n")).toBe(
      `${file}:4:3:Cannot read YAML: \`a/*\` stands here twice`,
    );
  });

  test("for aliases that would grow to millions of values, and for those without an end", () => {
    const bomb = Array.from(
      { length: 12 },
      (_, at) => `a${at}: &a${at} [${at === 0 ? "x" : `*a${at - 1},`.repeat(9)}]`,
    );
    expect(faultsOf(bomb.join("\n"))[0]?.message).toContain("too much");
    expect(faultsOf("a: &a [*a]")[0]?.message).toContain("nested too deeply");
  });

  test("for everything that is wrong with it, in the order of its lines", () => {
    const faults = faultsOf("lisen: 1\ndrain: never\nlog: { level: 5, colour: red }\n", {
      env: { HEARTHWIRE_LISTN: "1" },
      flags: { lissen: "1" },
    });
    expect(faults.map(({ file, line }) => line ?? file)).toEqual(["HEARTHWIRE_LISTN", "--lissen", 1, 2, 3, 3]);
  });

  test("for a variable or a flag that does not exist", () => {
    expect(faultOf("", { env: { HEARTHWIRE_LISTN: "80" } })).toBe(
      "HEARTHWIRE_LISTN:Cannot use HEARTHWIRE_LISTN: there is no such option; did you mean `HEARTHWIRE_LISTEN`?",
    );
    expect(faultOf("", { flags: { "limit-body": "80" } })).toContain("did you mean `--limits-body`?");
  });

  test("for a bad value of a variable or a flag, which it names", () => {
    expect(faultOf("", { env: { HEARTHWIRE_DRAIN: "x" } })).toStartWith("HEARTHWIRE_DRAIN:Cannot use `drain`");
    expect(faultOf("drain: 3s", { flags: { drain: "x" } })).toStartWith("--drain:Cannot use `drain`");
    expect(faultOf("", { env: { HEARTHWIRE_CHANNELS: "{" } })).toStartWith("HEARTHWIRE_CHANNELS:Cannot read YAML");
  });

  test("for a value in a variable and in a file that another names, and for a file that is not there", () => {
    const both = { HEARTHWIRE_LISTEN: "1", HEARTHWIRE_LISTEN_FILE: "/x" };
    expect(faultOf("", { env: both })).toContain("Cannot use both HEARTHWIRE_LISTEN and HEARTHWIRE_LISTEN_FILE");
    const read = (path: string) => readFileSync(path, "utf8");
    expect(faultOf("", { env: { HEARTHWIRE_LISTEN_FILE: "/nowhere/at/all" }, read })).toBe(
      "HEARTHWIRE_LISTEN_FILE:Cannot read /nowhere/at/all: it does not exist",
    );
  });
});

describe("Channels are refused", () => {
  test("for a pattern that is none, at the pattern", () => {
    expect(faultOf("channels:\n  a: {}\n  a//b: {}\n")).toBe(
      `${file}:3:3:Cannot use \`channels."a//b"\`: it is no channel pattern: it has an empty level`,
    );
    expect(faultOf("anonymous: { subscribe: ['**/a'] }")).toContain("`**` must be its last level");
  });

  test("for a reserved name, whose settings are built in", () => {
    expect(faultOf("channels: { $devices: {} }")).toContain("it is reserved");
  });

  test("for a map that would lose values", () => {
    expect(faultOf("channels: { lights: { kind: map, queue: drop-oldest } }")).toContain(
      "`channels.lights.queue`: it cannot be `drop-oldest` for a map",
    );
  });
});

describe("Options that do not go together are refused", () => {
  test("two listeners on one port, and both are named", () => {
    expect(faultOf("listen: 0.0.0.0:80\nlisteners:\n  - listen: 127.0.0.1:80\n")).toBe(
      `${file}:3:13:Cannot listen on 127.0.0.1:80 for \`listeners[0].listen\`: \`listen\` (line 1) already has 0.0.0.0:80`,
    );
    expect(faultOf("listeners: [{ listen: 8642 }]")).toContain("`listen` already has 127.0.0.1:8642");
    expect(faultOf("listeners: [{ listen: 'a:1' }, { listen: ':1' }]")).toContain("`listeners[0].listen` (line 1)");
    expect(faultOf("listen: '[::]:1'\nlisteners: [{ listen: 1.2.3.4:1 }]")).toContain("`listen` (line 1)");
    expect(faultOf("listen: localhost:1\nlisteners: [{ listen: '[0:0::1]:1' }]")).toContain("`listen` (line 1)");
  });

  test("but one port of two addresses can be had, and any free port twice", () => {
    expect(
      parse("listen: 127.0.0.1:1\nlisteners: [{ listen: 192.168.0.1:1 }, { listen: '[::1]:1' }]").listeners,
    ).toHaveLength(2);
    expect(parse("listen: 0.0.0.0:1\nlisteners: [{ listen: '[::1]:1' }]").listeners).toHaveLength(1);
    expect(parse("listen: ':0'\nlisteners: [{ listen: ':0' }]").listeners).toHaveLength(1);
  });

  test("a queue or a body that cannot hold the largest publication", () => {
    expect(faultOf("limits: { queue: { bytes: 64KB } }")).toContain(
      "`limits.queue.bytes`: it must hold the largest publication",
    );
    expect(faultOf("limits: { body: 64KB }")).toContain("`limits.body`: it must hold the largest publication");
  });

  test("a Unix socket in the place of the control socket", () => {
    expect(faultOf("data: /d\nunix_socket: { path: /d/control.sock }")).toContain("control socket");
  });
});

test("A name is proposed only when it is near", () => {
  expect(didYouMean("orgins", ["listen", "origins"])).toBe("; did you mean `origins`?");
  expect(didYouMean("Listen", ["listen"])).toBe("; did you mean `listen`?");
  expect(didYouMean("x".repeat(100_000), ["listen"])).toBe("");
});
