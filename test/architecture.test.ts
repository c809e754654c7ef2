import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Violation, violations } from "./architecture.ts";

test("the source tree keeps the rules of the architecture", () => {
  const found = violations(sourcesIn("src", "simulators"));
  expect(found.map(({ file, line, rule, what }) => `${file}:${line} [${rule}] ${what}`)).toEqual([]);
});

// What must be caught: a rule, the place it is broken in, and the source that breaks it on its line 2.
const offences: [Violation["rule"], string, string][] = [
  ["imports", "src/ports.ts", `import { Hub } from "./core/hub.ts";`],
  ["imports", "src/core/hub.ts", `import { serve } from "../gateway.ts";`],
  ["imports", "src/core/hub.ts", `import type { Journal } from "../storage/journal.ts";`],
  ["imports", "src/core/hub.ts", `export type { Frame } from "../protocols/jeedom/frame.ts";`],
  ["imports", "src/core/hub.ts", `export * from "../protocols/jeedom/frame.ts";`],
  ["imports", "src/core/hub.ts", `const later = import("../brokers/embedded/broker.ts");`],
  ["imports", "src/core/hub.ts", `let frame: import("../protocols/jeedom/frame.ts").Frame;`],
  ["imports", "src/core/hub.ts", `let frame: typeof import("../protocols/jeedom/frame.ts");`],
  ["imports", "src/core/hub.ts", `import frame = require("../protocols/jeedom/frame.ts");`],
  ["imports", "src/core/hub.ts", "const later = import(`../brokers/embedded/broker.ts`);"],
  ["imports", "src/gateway.ts", `const later = import(name);`],
  ["imports", "src/gateway.ts", `import { Hub } from "hearthwire/src/core/hub.ts";`],
  ["imports", "src/gateway.ts", `import { Hub } from "#core/hub.ts";`],
  ["imports", "src/gateway.ts", `import { publish } from "./cli/publish.ts";`],
  ["imports", "src/gateway.ts", `import { house } from "../simulators/deconz/house.ts";`],
  ["imports", "src/gateway.ts", `import { house } from "../test/house.ts";`],
  ["imports", "src/assembly/deconz.ts", `import { EmbeddedBroker } from "../brokers/embedded/broker.ts";`],
  ["imports", "src/assembly/deconz.ts", `import { startGateway } from "../gateway.ts";`],
  ["imports", "src/http/routes.ts", `import { Listeners } from "../assembly/listeners.ts";`],
  ["imports", "src/main.ts", `import { codec } from "./protocols/jeedom/codec.ts";`],
  ["imports", "src/cli/serve.ts", `import { codec } from "../protocols/jeedom/codec.ts";`],
  ["imports", "src/cli/serve.ts", `import "../main.ts";`],
  ["imports", "src/protocols/jeedom/peer.ts", `import { codec } from "../deconz/codec.ts";`],
  ["imports", "src/protocols/jeedom/peer.ts", `import { Sse } from "../../transports/sse.ts";`],
  ["imports", "src/protocols/jeedom/bridge.ts", `import { Config } from "../../config/schema.ts";`],
  ["imports", "src/protocols/jeedom/peer.ts", `import page from "../../../dashboard/index.html";`],
  ["imports", "src/protocols/shared.ts", `export {};`],
  ["imports", "src/brokers/redis/broker.ts", `import { log } from "../embedded/log.ts";`],
  ["imports", "src/transports/sse.ts", `import { codec } from "../protocols/jeedom/codec.ts";`],
  ["imports", "src/http/routes.ts", `import { Keys } from "../storage/keys.ts";`],
  ["imports", "src/storage/keys.ts", `import { routes } from "../http/routes.ts";`],
  ["imports", "src/config/schema.ts", `import { routes } from "../http/routes.ts";`],
  ["imports", "src/odds/ends.ts", `export {};`],
  ["imports", "src/odds.ts", `export {};`],
  ["imports", "simulators/deconz/house.ts", `import { codec } from "../../src/protocols/deconz/codec.ts";`],

  ["runtime", "src/gateway.ts", `import { file } from "bun";`],
  ["runtime", "src/brokers/embedded/broker.ts", `import { Database } from "bun:sqlite";`],
  ["runtime", "src/http/routes.ts", `Bun.serve({ fetch });`],
  ["runtime", "src/http/routes.ts", `const { serve } = Bun;`],
  ["runtime", "src/http/routes.ts", `globalThis.Bun.serve({ fetch });`],
  ["runtime", "src/ports.ts", `export type Socket = Bun.ServerWebSocket<undefined>;`],
  ["runtime", "src/core/hub.ts", `function other(Bun: unknown) {} Bun.gc();`],

  ["pure", "src/core/hub.ts", `const now = Date.now();`],
  ["pure", "src/core/hub.ts", `const now = Date["now"]();`],
  ["pure", "src/core/hub.ts", `const read = Date.now;`],
  ["pure", "src/core/hub.ts", `const { now } = Date;`],
  ["pure", "src/core/hub.ts", `const now = new Date();`],
  ["pure", "src/core/hub.ts", `const now = Date();`],
  ["pure", "src/core/hub.ts", `const now = performance.now();`],
  ["pure", "src/core/hub.ts", `setTimeout(() => {}, 1);`],
  ["pure", "src/core/hub.ts", `const timers = { setInterval };`],
  ["pure", "src/core/hub.ts", `setImmediate(() => {});`],
  ["pure", "src/core/hub.ts", `const chance = Math.random();`],
  ["pure", "src/core/hub.ts", `const chance = Math["random"]();`],
  ["pure", "src/core/hub.ts", `const { random } = Math;`],
  ["pure", "src/core/hub.ts", `crypto.getRandomValues(bytes);`],
  ["pure", "src/core/hub.ts", `const id = crypto.randomUUID();`],
  ["pure", "src/core/hub.ts", `const id = globalThis.crypto.randomUUID();`],
  ["pure", "src/core/hub.ts", `import { randomBytes } from "node:crypto";`],
  ["pure", "src/core/hub.ts", `import { createHash, randomUUID } from "crypto";`],
  ["pure", "src/core/hub.ts", `import { randomUUID as createHash } from "node:crypto";`],
  ["pure", "src/core/hub.ts", `import * as crypto from "node:crypto";`],
  ["pure", "src/core/hub.ts", `import crypto from "node:crypto";`],
  ["pure", "src/core/hub.ts", `import { readFileSync } from "node:fs";`],
  ["pure", "src/core/hub.ts", `import type { Socket } from "node:net";`],
  ["pure", "src/core/hub.ts", `import { setTimeout } from "node:timers/promises";`],
  ["pure", "src/core/hub.ts", `const fs = await import("fs");`],
  ["pure", "src/core/hub.ts", `const fs = import.meta.require("node:fs");`],
  ["pure", "src/core/hub.ts", `declare const fetch: unknown;`],
  ["pure", "src/core/hub.ts", `const home = process.env["HOME"];`],
  ["pure", "src/protocols/jeedom/codec.ts", `const answer = await fetch("http://jeedom/");`],
  ["pure", "src/protocols/jeedom/peer.ts", `import { connect } from "node:net";`],
  ["pure", "src/protocols/jeedom/bridge.ts", `import { createSocket } from "node:dgram";`],
  ["pure", "src/protocols/jeedom/bridge.ts", `setTimeout(() => {}, 1);`],
  ["pure", "src/protocols/jeedom/wire/frame.ts", `const socket = new WebSocket(url);`],

  ["names", "src/core/hubManager.ts", `export {};`],
  ["names", "src/core/utils.ts", `export {};`],
  ["names", "src/core/session-manager.ts", `export {};`],
  ["names", "src/http/helpers/routes.ts", `export {};`],
  ["names", "src/core/Hub.test.ts", `export {};`],
  ["any", "src/core/hub.ts", `let data: any;`],
  ["any", "src/core/hub.test.ts", `const data = JSON.parse("1") as Record<string, any>;`],
  ["syntax", "src/core/hub.ts", `let data = ;`],
];

test.each(offences)("%s: %s may not hold %s", (rule, file, source) => {
  const found = violations(new Map([[file, `// line 1\n${source}\n`]]));
  expect(found.map((violation) => violation.rule)).toContain(rule);
  for (const violation of found) expect(violation.file).toBe(file);
  const aboutTheFile = rule === "names" || source === "export {};";
  expect(found.find((violation) => violation.rule === rule)?.line).toBe(aboutTheFile ? 1 : 2);
});

const allowed: [string, string][] = [
  ["src/main.ts", `import { run } from "./cli/run.ts";`],
  [
    "src/cli/serve.ts",
    `import { Gateway } from "../gateway.ts"; import { Keys } from "../storage/keys.ts"; import manifest from "../../package.json";`,
  ],
  [
    "src/gateway.ts",
    `import { jeedom } from "./protocols/jeedom/peer.ts"; import { sse } from "./transports/sse.ts"; import pino from "pino";`,
  ],
  ["src/http/page.ts", `import page from "../../dashboard/index.html" with { type: "file" };`],
  ["src/core/hub.ts", `import type { Clock } from "../ports.ts"; import { match } from "./channels.ts";`],
  [
    "src/core/hub.ts",
    `import { createHash, timingSafeEqual } from "node:crypto"; import { isDeepStrictEqual } from "node:util";`,
  ],
  [
    "src/core/hub.ts",
    `const at = new Date(clock.now()).toISOString(); const then: Date = at; Date.parse(at); Math.max(1, 2);`,
  ],
  [
    "src/core/hub.ts",
    `class Hub { fetch() { return this.#clock.setTimeout(1); } performance = { now: 1 }; constructor(setTimeout: Timer) { setTimeout(1); } }`,
  ],
  ["src/core/hub.ts", `queueMicrotask(() => {}); const { process } = room; process("x");`],
  [
    "src/protocols/jeedom/peer.test.ts",
    `import { test } from "bun:test"; import { house } from "../../../simulators/jeedom/house.ts"; Bun.gc(true);`,
  ],
  [
    "src/brokers/embedded/broker.ts",
    `setTimeout(() => {}, 1); import { log } from "./log.ts"; import { channels } from "../../core/channels.ts";`,
  ],
  ["src/transports/sse.ts", `import type { Server } from "bun"; Bun.serve({});`],
  ["src/storage/journal.ts", `import { Database } from "bun:sqlite";`],
  [
    "simulators/deconz/house.ts",
    `import { light } from "./light.ts"; Bun.serve({}); import type { Json } from "../../src/ports.ts";`,
  ],
];

test.each(allowed)("%s may hold %s", (file, source) => {
  expect(violations(new Map([[file, source]]))).toEqual([]);
});

test("a cycle is caught, also when only types close it, and shown whole", () => {
  const sources = new Map([
    ["src/core/hub.ts", `import { open } from "./session.ts";`],
    ["src/core/session.ts", `\nimport { allows } from "./access.ts";`],
    ["src/core/access.ts", `\n\nimport type { Hub } from "./hub.ts";`],
    ["src/core/channels.ts", `import { open } from "./session.ts";`],
  ]);
  const what = "src/core/hub.ts → src/core/session.ts → src/core/access.ts → src/core/hub.ts";
  expect(violations(sources)).toEqual([{ file: "src/core/access.ts", line: 3, rule: "cycle", what }]);
});

test("a file that imports itself is a cycle", () => {
  const found = violations(new Map([["src/core/hub.ts", `export * from "./hub.ts";`]]));
  expect(found.map((violation) => violation.rule)).toEqual(["cycle"]);
});

function sourcesIn(...folders: string[]): Map<string, string> {
  const root = join(import.meta.dir, "..");
  const sources = new Map<string, string>();
  for (const folder of folders) {
    for (const name of typescriptIn(join(root, folder))) {
      sources.set(`${folder}/${name}`, readFileSync(join(root, folder, name), "utf8"));
    }
  }
  return sources;
}

function typescriptIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .sort();
  } catch {
    return [];
  }
}
