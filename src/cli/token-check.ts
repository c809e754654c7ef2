import type { Command } from "commander";
import { tokensOf } from "../config/token-keys.ts";
import { Refused } from "../core/refusals.ts";
import type { Tokens } from "../core/tokens.ts";
import type { Log } from "../ports.ts";
import { CommandFailure } from "./failure.ts";
import { configOf, type Globals, optionsOf } from "./globals.ts";
import { printGrants } from "./grant-options.ts";
import { note, print, printJson, printTime, tame } from "./output.ts";

export function addTokenCheck(parent: Command): void {
  parent
    .command("check")
    .description("say whose a token is and what it may do, or why the gateway would refuse it; asks no gateway")
    .argument("<token>", "the token (JWT)")
    .action((token: string, _: object, command: Command) => checkToken(token, optionsOf(command)));
}

async function checkToken(token: string, globals: Globals): Promise<void> {
  const { tokens: options } = configOf(globals);
  if (options === undefined) throw new CommandFailure("Cannot check the token: the configuration has no `tokens`");
  const { systemClock: clock, systemDialer: dialer } = await import("../gateway.ts");
  const tokens = tokensOf(options, { clock, dialer, log: noLog });
  try {
    const claims = await tokens.claims(token);
    const about =
      typeof claims["channel"] === "string" ? await channelToken(tokens, token) : await userToken(tokens, token);
    if (globals.json) printJson({ good: true, ...about, claims });
    else for (const [name, value] of Object.entries(about)) print(`${name}: ${tame(String(value))}`);
  } catch (thrown) {
    if (!(thrown instanceof Refused)) throw thrown;
    if (globals.json) printJson({ good: false, code: thrown.refusal.code, message: thrown.message });
    throw new CommandFailure(`Cannot use the token: ${thrown.message.replace(/^Cannot use the token: /, "")}`);
  }
}

/** What a connection with it would come to. */
async function userToken(tokens: Tokens, token: string): Promise<Readonly<Record<string, string>>> {
  const { principal, channels, expires } = await tokens.identity(token);
  return {
    user: principal.id,
    may: printGrants(principal.rights.grants),
    channels: channels.join(" "),
    ...(principal.info === undefined ? {} : { info: principal.info }),
    expires: printTime(expires),
  };
}

async function channelToken(tokens: Tokens, token: string): Promise<Readonly<Record<string, string>>> {
  const { sub: user = "", channel } = await tokens.claims(token);
  const { expires } = await tokens.subscription(token, String(channel), user);
  return { user, may: `subscribe ${String(channel)}`, expires: printTime(expires) };
}

const noLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: (_, text) => note(text),
  error: (_, text) => note(text),
};
