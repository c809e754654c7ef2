import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { stringify } from "yaml";
import { editorSchema, exampleOf, optionsPage } from "../../src/config/document.ts";
import { loadConfig, options, parseConfig } from "../../src/config/load.ts";
import { flagOf, variableOf } from "../../src/config/option.ts";
import { settingsOf } from "../../src/config/settings.ts";
import { starterConfig } from "../../src/config/starter.ts";
import { parse } from "./parsing.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");

describe("The documents that are made from the schema", () => {
  test("docs/options.md is as `npm run docs` makes it", () => {
    if (read("docs/options.md") !== optionsPage()) throw new Error("docs/options.md is stale: run `npm run docs`");
  });

  test("docs/hearthwire.schema.json is as `npm run docs` makes it", () => {
    const made: unknown = JSON.parse(JSON.stringify(editorSchema()));
    const kept: unknown = JSON.parse(read("docs/hearthwire.schema.json"));
    if (!Bun.deepEquals(made, kept)) throw new Error("docs/hearthwire.schema.json is stale: run `npm run docs`");
  });

  test("every option has a description, an example that is accepted, and names of its own", () => {
    for (const option of options) {
      expect(option.notes.is).toEndWith(".");
      parse(stringify(exampleOf(option)));
    }
    for (const nameOf of [variableOf, flagOf]) {
      const names = options.map(({ path }) => nameOf(path)).filter((name) => name !== undefined);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  test("every variable is read as what the documentation says of it", () => {
    for (const option of options) {
      const variable = variableOf(option.path);
      if (variable === undefined || option.required) continue;
      const { example } = option.notes;
      const text = typeof example === "object" ? JSON.stringify(example) : String(example);
      expect(parse("", { env: { [variable]: text } })).toEqual(
        parse(stringify(exampleOf(option)), { file: "/work/x.yaml" }),
      );
    }
  });

  test("the editors' schema asks for nothing that has a default", () => {
    expect(editorSchema()).not.toHaveProperty("required");
    expect(JSON.stringify(editorSchema())).toContain('"required":["listen"]');
  });
});

describe("The examples", () => {
  const files = readdirSync(new URL("examples", root)).filter((name) => name.endsWith(".yaml"));

  test("are there, and each is accepted", () => {
    expect(files).toContain("demo.yaml");
    for (const name of files)
      loadConfig({ file: new URL(`examples/${name}`, root).pathname, env: { HOME: "/home/anna" } });
  });

  test("the demo keeps everything in the folder .hearthwire of the clone", () => {
    const config = parseConfig({ text: read("examples/demo.yaml"), file: "/clone/examples/demo.yaml" });
    expect(config.data).toBe("/clone/.hearthwire");
    expect(config.unix_socket).toMatchObject({ path: "/clone/.hearthwire/push.sock" });
    expect(settingsOf(config)("home/lights").kind).toBe("map");
    expect(settingsOf(config)("home/events").kind).toBe("stream");
  });
});

describe("The file that `init` writes", () => {
  const answers = fc.record({
    lan: fc.boolean(),
    port: fc.integer({ min: 1, max: 65_535 }),
    publicUrl: fc.option(fc.webUrl({ validSchemes: ["https"] }), { nil: undefined }),
    data: fc.option(
      fc.string({ minLength: 1, unit: "grapheme" }).map((name) => `/d/${name}`),
      { nil: undefined },
    ),
    anonymousReading: fc.boolean(),
  });

  test("is accepted, and says what was answered", () => {
    fc.assert(
      fc.property(answers, (given) => {
        const config = parseConfig({ text: starterConfig(given), env: { HOME: "/home/anna" } });
        expect(config.listen).toEqual({ host: given.lan ? "*" : "127.0.0.1", port: given.port });
        expect(config.public_url).toBe(given.publicUrl);
        if (given.data !== undefined) expect(config.data).toBe(given.data);
        expect(config.anonymous.subscribe).toEqual(given.anonymousReading ? ["home/**", "demo/**"] : []);
        expect(config.anonymous.publish).toEqual([]);
      }),
    );
  });

  test("has proposals that are accepted too when their # is taken away", () => {
    for (const lan of [true, false]) {
      const text = starterConfig({ lan, port: 8642, anonymousReading: true });
      const proposals = /^# ((?:\w+: (?:[^A-Z\s]\S*|\{.*|\[.*))|\w+:| {2}- \{.*)$/gm;
      expect(text.match(proposals)?.length).toBeGreaterThan(5);
      parse(text.replaceAll(proposals, "$1"));
    }
  });
});
