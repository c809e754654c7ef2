import type { Command } from "commander";
import { channelPath } from "./channel-path.ts";
import { wrongUse } from "./failure.ts";
import { optionsOf } from "./globals.ts";
import { LiveDisplay } from "./live-display.ts";
import { gatewayDoor } from "./open-door.ts";
import { note, print, tame } from "./output.ts";
import { type Listener, Subscription, type SubscriptionState } from "./subscription.ts";

interface Options {
  readonly history?: string;
  readonly since?: string;
}

export function addSubscribe(program: Command): void {
  program
    .command("subscribe")
    .description("listen to channels: a live display on a terminal, JSON lines otherwise or with --json")
    .argument("<channels...>", "names and patterns: `*` is one level, `**` the rest (quote them)")
    .option("--history <n>", "begin with the last n publications of each")
    .option("--since <cursor>", "begin with everything after this cursor")
    .action((channels: string[], _: object, command: Command) => subscribe(channels, optionsOf<Options>(command)));
}

async function subscribe(channels: readonly string[], options: ReturnType<typeof optionsOf<Options>>): Promise<void> {
  const { history = "0", since, json } = options;
  if (!/^\d{1,5}$/.test(history)) throw wrongUse(`Cannot use --history ${history}: give a number`);
  const leaving = new AbortController();
  process.once("SIGINT", () => leaving.abort());
  process.once("SIGTERM", () => leaving.abort());
  const display = process.stdout.isTTY && !json ? new LiveDisplay(process.stdout) : undefined;
  const subscription = new Subscription({
    door: gatewayDoor(options),
    path: channelPath(channels),
    what: `listen to ${channels.join(", ")}`,
    history: Number(history),
    since,
    signal: leaving.signal,
    listener: display ?? jsonLines,
  });
  try {
    display?.start();
    await subscription.run();
  } finally {
    display?.stop();
  }
  if (display !== undefined && subscription.cursor !== undefined)
    note(`To go on from here: --since ${subscription.cursor}`);
}

/** For programs: publications, presence and gaps as they came; what happens to the connection on the error output. */
const jsonLines: Listener = {
  line: (text) => print(text),
  gap: (text) => print(text),
  state(state: SubscriptionState) {
    if (state.state === "waiting")
      note(`Cannot listen now: ${tame(state.why)}; again in ${state.seconds.toFixed(1)} s`);
  },
};
