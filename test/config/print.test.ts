import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { z } from "zod";
import { ConfigError } from "../../src/config/faults.ts";
import { options, parseConfig } from "../../src/config/load.ts";
import { option, optionsOf } from "../../src/config/option.ts";
import { printConfig, printWritten } from "../../src/config/print.ts";
import { apply, fillSecrets } from "../../src/config/read.ts";
import { readYaml } from "../../src/config/yaml.ts";
import { parse } from "./parsing.ts";

const pattern = fc
  .array(fc.constantFrom("home", "42", "*", "é", "__proto__", "constructor", "true", "null", "1.0"), {
    minLength: 1,
    maxLength: 3,
  })
  .map((levels) => levels.join("/"));

const channel = fc.record(
  {
    kind: fc.constantFrom("stream", "map"),
    history: fc.record({ size: fc.nat(1000), ttl: fc.nat(100_000).map((ms) => `${ms}ms`) }, { requiredKeys: [] }),
    durable: fc.constantFrom(true, false, "sync"),
    presence: fc.boolean(),
    queue: fc.constantFrom("disconnect", "latest"),
  },
  { requiredKeys: [] },
);

const written = fc.record(
  {
    listen: fc.constantFrom(80, "80", ":80", "[::1]:80", "a.example:80", "0.0.0.0:0"),
    listeners: fc.constantFrom(
      [],
      [{ listen: 1 }, { listen: ":2", protocol: "unix-socket", max_age: "90s", open_to: ["::1"] }],
    ),
    anonymous: fc.record(
      { subscribe: fc.array(pattern), devices: fc.constantFrom(true, false, "loopback") },
      { requiredKeys: [] },
    ),
    channels: fc
      .uniqueArray(fc.tuple(pattern, channel), { selector: ([name]) => name })
      .map((entries) => new Map(entries)),
    unix_socket: fc.constantFrom(false, { mode: "0600" }, { path: "a b", group: "100" }),
    tls: fc.constant({ cert: "c.pem", key: "k.pem" }),
    drain: fc.nat(3_600_000).map((ms) => `${ms}ms`),
    limits: fc.record(
      { body: fc.integer({ min: 1_048_576, max: 2 ** 31 - 1 }), publish_rate: fc.constant({ key: 0 }) },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);

describe("The printed configuration", () => {
  test("reads back as the same, as YAML and as JSON", () => {
    fc.assert(
      fc.property(written, fc.constantFrom("yaml" as const, "json" as const), (given, as) => {
        const config = parse(printWritten(z.unknown(), given));
        const printed = printConfig(config, { as });
        if (as === "json") JSON.parse(printed);
        const again = parseConfig({ text: printed });
        expect(again).toEqual(config);
        expect([...again.channels.keys()]).toEqual([...config.channels.keys()]);
      }),
    );
  });

  test("has every option, in the units that people write", () => {
    const text = printConfig(parse("tls: { cert: c.pem, key: k.pem }"));
    expect(text).toContain("listen: 127.0.0.1:8642\n");
    expect(text).toContain("  bytes: 1MiB\n");
    expect(text).toContain("max_age: 1h\n");
    expect(text).toContain('  mode: "0660"\n');
    expect(text).toContain("cert: /etc/hearthwire/c.pem\n");
  });
});

describe("Secrets", () => {
  const bridges = z.strictObject({
    bridges: z.map(
      z.string(),
      z.strictObject({
        key: option({ is: "The key.", example: "abc", secret: true }, z.string()),
        url: z.string().optional(),
      }),
    ),
  });
  const secrets = optionsOf(bridges);
  const given = (text: string) => readYaml(text, { file: "house.yaml", base: "/etc" }).given;

  test("are not shown", () => {
    const shown = printWritten(bridges, { bridges: new Map([["a", { key: "verysecret", url: "u" }]]) });
    expect(shown).not.toContain("verysecret");
    expect(shown).toContain("url: u");
    expect(printWritten(bridges, { bridges: new Map([["a", { key: "verysecret" }]]) }, { secrets: true })).toContain(
      "verysecret",
    );
  });

  test("can be in a file that <name>_file names, relative to the configuration", () => {
    const read = (path: string) => `text of ${path}\n`;
    const filled = fillSecrets(given("bridges: { a: { key_file: secrets/a } }"), secrets, read);
    expect(apply(bridges, filled.given)).toEqual({
      value: { bridges: new Map([["a", { key: "text of /etc/secrets/a" }]]) },
    });
  });

  test("are refused when they are given twice, or cannot be read", () => {
    const read = (): string => {
      throw Object.assign(new Error("no"), { code: "EACCES" });
    };
    const messages = (text: string) => fillSecrets(given(text), secrets, read).faults.map(({ message }) => message);
    expect(messages("bridges: { a: { key: x, key_file: y } }")).toEqual(["Cannot use both `key` and `key_file`"]);
    expect(messages("bridges: { a: { key_file: y } }")).toEqual(["Cannot read y: its permissions do not allow it"]);
  });

  test("are not in the message that refuses them", () => {
    const refused = apply(bridges, given("bridges: { a: { key: [verysecret] } }"));
    expect("faults" in refused && JSON.stringify(refused.faults)).not.toContain("verysecret");
  });
});

describe("Whatever is given", () => {
  /** Refuses in one way only. */
  const survives = (sources: Parameters<typeof parseConfig>[0]): void => {
    try {
      parseConfig(sources);
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
    }
  };
  const names = fc.oneof(
    fc.constantFrom(...options.flatMap(({ path }) => path), "__proto__", "toString", "<<"),
    fc.string(),
  );
  const tree = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.jsonValue(),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(names, tie("value"), { maxKeys: 5 }),
    ),
  })).value;

  test("as text, nothing but a ConfigError is thrown", () => {
    const bits = fc.constantFrom(
      ..."\n -:?[]{},&*#!|>'\"%@`<=~\t",
      "  ",
      "\n  ",
      "a",
      "listen",
      "channels",
      "&a",
      "*a",
      "!!set",
      "0x",
      ".inf",
      "---",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(bits, fc.string()), { maxLength: 40 }), (parts) =>
        survives({ text: parts.join("") }),
      ),
      {
        numRuns: 1000,
      },
    );
  });

  test("as a tree of values, nothing but a ConfigError is thrown", () => {
    fc.assert(
      fc.property(tree, (value) => survives({ text: JSON.stringify(value) })),
      { numRuns: 1000 },
    );
  });

  test("for any one option, nothing but a ConfigError is thrown", () => {
    const top = fc.constantFrom(...options.filter(({ path }) => path.length === 1).map(({ path }) => path[0] ?? ""));
    fc.assert(
      fc.property(top, tree, (name, value) => survives({ text: JSON.stringify({ data: "/d", [name]: value }) })),
      {
        numRuns: 1000,
      },
    );
  });

  test("in variables and flags, nothing but a ConfigError is thrown", () => {
    const variables = fc.dictionary(
      names.map((name) => `HEARTHWIRE_${name.toUpperCase()}`),
      fc.string(),
    );
    fc.assert(fc.property(variables, fc.dictionary(names, fc.string()), (env, flags) => survives({ env, flags })));
  });

  test("a nesting of many thousand levels is refused", () => {
    for (const text of ["[".repeat(20_000), "{a: ".repeat(20_000), `${"- ".repeat(5000)}x`]) survives({ text });
  });
});
