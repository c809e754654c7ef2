import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { messageOf } from "../core/thrown.ts";
import { lookAtAddress } from "./doctor/certificate.ts";
import { type Finding, type Place, untested } from "./doctor/finding.ts";
import { lookAtClock, lookAtPages, lookForGateway } from "./doctor/gateway.ts";
import { listenInSilence, lookAtStreams, lookAtWebSocket } from "./doctor/streams.ts";
import { CommandFailure, wrongUse } from "./failure.ts";
import { elsewhereOf, optionsOf } from "./globals.ts";
import { note, print, printJson, tame } from "./output.ts";

interface Options {
  readonly channel: string;
  readonly ca?: string;
  readonly silence: boolean;
}

export function addDoctor(program: Command): void {
  program
    .command("doctor")
    .description("try a gateway from outside, through its proxy, and say in plain words what to change")
    .argument("<url>", "the address that clients use, with its path")
    .option("--channel <name>", "a channel to listen to, and to publish on where that is allowed", "demo/doctor")
    .option("--ca <file>", "trust this authority (PEM) instead of the world's")
    .option("--no-silence", "do not wait for two heartbeats to see whether a silent connection lives")
    .action((url: string, _: object, command: Command) => examine(url, optionsOf<Options>(command)));
}

async function examine(url: string, options: ReturnType<typeof optionsOf<Options>>): Promise<void> {
  const place = placeOf(url, options);
  const findings: Finding[] = [];
  for await (const finding of findingsAt(place, options.silence)) {
    findings.push(finding);
    if (!options.json) printFinding(finding);
  }
  const faults = findings.filter(({ state }) => state !== "good");
  if (options.json) printJson({ url: place.base.href, good: faults.length === 0, findings });
  if (faults.length === 0) return;
  const wrong = faults.filter(({ state }) => state === "wrong").length;
  throw new CommandFailure(`Cannot call it good: ${wrong} wrong, ${faults.length - wrong} not tested`);
}

function placeOf(text: string, options: ReturnType<typeof optionsOf<Options>>): Place {
  const elsewhere = elsewhereOf({ ...options, url: text });
  if (elsewhere === undefined) throw wrongUse(`Cannot look at ${text}: give a URL`);
  const base = new URL(elsewhere.url);
  base.search = "";
  base.hash = "";
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  const { channel } = options;
  return { base, key: elsewhere.key, channel, tls: { rejectUnauthorized: true, ...authorityOf(options) } };
}

function authorityOf({ ca }: Options): { readonly ca?: string } {
  if (ca === undefined) return {};
  try {
    return { ca: readFileSync(ca, "utf8") };
  } catch (thrown) {
    throw new CommandFailure(`Cannot read --ca ${ca}: ${messageOf(thrown)}`);
  }
}

/** One after the other: what comes later depends on what came before. */
async function* findingsAt(asked: Place, silence: boolean): AsyncGenerator<Finding> {
  const connected = await lookAtAddress(asked);
  yield* connected;
  if (connected.some(({ what, state }) => what === "Address" && state !== "good")) return;
  const safe = connected.every(({ state }) => state === "good");
  // The rest is looked at all the same, but whoever answers may be anybody: the key is not for him.
  const place: Place = safe ? asked : { ...asked, key: undefined, tls: { ...asked.tls, rejectUnauthorized: false } };
  const gateway = await lookForGateway(place);
  yield gateway;
  if (gateway.state !== "good") return;
  yield await lookAtClock(place);
  yield await lookAtPages(place);
  const webSocket = await lookAtWebSocket(place);
  yield webSocket;
  const { finding: streams, heartbeat } = await lookAtStreams(place);
  yield streams;
  if (!silence) return;
  if (heartbeat === undefined) yield untested("Silence", "needs a stream that works");
  else {
    note(`Listening in silence for ${2 * heartbeat} s…`);
    yield await listenInSilence(place, heartbeat, webSocket.state === "good");
  }
}

const words: Readonly<Record<Finding["state"], string>> = { good: "good ", wrong: "WRONG", untested: "  ?  " };

function printFinding({ what, state, seen, change }: Finding): void {
  print(`${words[state]}  ${what.padEnd(12)}${tame(seen)}`);
  if (change !== undefined) print(`${" ".repeat(19)}→ ${tame(change)}`);
}
