import { hostname } from "node:os";
import type { Command } from "commander";
import { z } from "zod";
import { duration } from "../config/values.ts";
import { messageOf } from "../core/thrown.ts";
import { writeBridgeKey } from "../storage/bridge-keys.ts";
import { CommandFailure, wrongUse } from "./failure.ts";
import { configOf, type Globals, optionsOf } from "./globals.ts";
import { note, printJson } from "./output.ts";
import { readSecret } from "./secret.ts";

interface Options {
  readonly for: string;
  readonly user: string;
  readonly passwordFile?: string;
}

/** Between attempts, in ms. */
const pause = 1500;
const patience = 10_000;
const success = z.tuple([z.object({ success: z.object({ username: z.string().min(1) }) })]).rest(z.unknown());
const failure = z
  .tuple([z.object({ error: z.object({ type: z.number(), description: z.string() }) })])
  .rest(z.unknown());
const linkButton = 101;

export function addBridgePair(parent: Command): void {
  parent
    .command("pair")
    .description("get a key from a home system, and keep it for its bridge")
    .argument("<name>", "the bridge, as the configuration calls it")
    .option("--for <duration>", "how long to wait for the link button", "2m")
    .option("--user <name>", "the user of the gateway's web page, to pair by password", "delight")
    .option("--password-file <file>", "its password, in a file, or - for the standard input: no button is needed then")
    .action((name: string, _: object, command: Command) => pair(name, optionsOf<Options>(command)));
}

async function pair(name: string, options: Options & Globals): Promise<void> {
  const config = configOf(options);
  const bridge = config.bridges.get(name);
  if (bridge === undefined) {
    const known = [...config.bridges.keys()].join(", ") || "none";
    throw new CommandFailure(`Cannot pair ${name}: the configuration has no such bridge (it has ${known})`);
  }
  if (bridge.type !== "deconz") {
    throw new CommandFailure(
      `Cannot pair ${name}: it is of type ${bridge.type}, whose key goes into the configuration`,
    );
  }
  if (bridge.key !== undefined) {
    throw new CommandFailure(`Cannot pair ${name}: its key stands in the configuration; take \`key\` out of it first`);
  }
  const waiting = lengthOf(options.for);
  const { passwordFile, user } = options;
  const password = passwordFile === undefined ? undefined : readSecret(passwordFile);
  const authorization = password === undefined ? undefined : `Basic ${btoa(`${user}:${password}`)}`;
  const key = await obtain(bridge.url, authorization, waiting);
  const file = writeBridgeKey(config.data, name, key);
  if (options.json) return printJson({ bridge: name, file });
  note(`The gateway gave a key. It is kept in ${file}; a gateway that runs uses it within seconds.`);
}

async function obtain(url: string, authorization: string | undefined, waiting: number): Promise<string> {
  const end = performance.now() + waiting;
  for (let attempt = 0; ; attempt++) {
    const answer = await ask(url, authorization);
    if ("key" in answer) return answer.key;
    if (answer.type !== linkButton) throw new CommandFailure(`Cannot pair: the gateway says "${answer.description}"`);
    if (authorization !== undefined) throw new CommandFailure("Cannot pair: the gateway does not take this password");
    if (attempt === 0) {
      note(`Open the gateway's page ${url} (Phoscon: Settings, Gateway, Advanced), and press "Authenticate app".`);
      note(`Waiting for that, for ${Math.round(waiting / 1000)} s. Ctrl-C ends it.`);
    }
    if (performance.now() + pause > end) {
      throw new CommandFailure(
        "Cannot pair: nobody pressed the link button in time. Try again, or use --password-file",
      );
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

type Outcome = { readonly key: string } | { readonly type: number; readonly description: string };

async function ask(url: string, authorization: string | undefined): Promise<Outcome> {
  let value: unknown;
  try {
    const response = await fetch(`${url.replace(/\/+$/, "")}/api`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(authorization === undefined ? {} : { authorization }) },
      body: JSON.stringify({ devicetype: `hearthwire#${hostname().slice(0, 19)}` }),
      signal: AbortSignal.timeout(patience),
    });
    value = await response.json();
  } catch (thrown) {
    throw new CommandFailure(`Cannot reach the gateway at ${url}: ${messageOf(thrown)}`);
  }
  const good = success.safeParse(value);
  if (good.success) return { key: good.data[0].success.username };
  const bad = failure.safeParse(value);
  if (bad.success) return bad.data[0].error;
  throw new CommandFailure(`Cannot pair: what answers at ${url} is no deCONZ gateway`);
}

function lengthOf(text: string): number {
  const parsed = duration({ least: 1000, most: 3_600_000 }).safeParse(text);
  if (parsed.success) return parsed.data;
  throw wrongUse(`Cannot use --for ${text}: it ${parsed.error.issues[0]?.message}`);
}
