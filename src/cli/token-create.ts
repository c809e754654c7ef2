import type { Command } from "commander";
import { type JWTPayload, SignJWT } from "jose";
import { tokenSecrets } from "../config/tokens.ts";
import { duration } from "../config/values.ts";
import { grantsFault } from "../core/access.ts";
import { CommandFailure, wrongUse } from "./failure.ts";
import { configOf, optionsOf } from "./globals.ts";
import { addGrantOptions, type GrantOptions, grantsOf } from "./grant-options.ts";
import { print, printJson } from "./output.ts";

interface Options extends GrantOptions {
  readonly expires: string;
  readonly channel?: string;
  readonly channels?: readonly string[];
  readonly info?: string;
}

export function addTokenCreate(parent: Command): void {
  addGrantOptions(parent.command("create"), "all")
    .description("sign a token with the last secret of `tokens.hmac`, to try things; applications sign their own")
    .argument("<user>", "whose it is: the claim `sub`")
    .option("--expires <duration>", "how long it is valid, like 10m or 30d", "1h")
    .option("--channel <channel>", "makes a token for a subscription to this channel alone")
    .option("--channels <channels...>", "channels that the user is subscribed to by the gateway")
    .option("--info <json>", "what others in its channels are told of it")
    .action((user: string, _: object, command: Command) => createToken(user, optionsOf<Options>(command)));
}

async function createToken(user: string, options: ReturnType<typeof optionsOf<Options>>): Promise<void> {
  const { tokens } = configOf(options);
  const secret = tokens === undefined ? undefined : tokenSecrets(tokens).at(-1);
  if (tokens === undefined || secret === undefined) {
    throw new CommandFailure("Cannot create a token: the configuration has no `tokens.hmac` to sign it with");
  }
  const { audience, issuer } = tokens;
  const signing = new SignJWT(claimsOf(options)).setProtectedHeader({ alg: "HS256", typ: "JWT" }).setIssuedAt();
  signing.setSubject(user).setExpirationTime(Math.floor(Date.now() / 1000) + secondsOf(options.expires));
  if (audience[0] !== undefined) signing.setAudience(audience[0]);
  if (issuer !== undefined) signing.setIssuer(issuer);
  const token = await signing.sign(new TextEncoder().encode(secret));
  if (options.json) printJson({ token });
  else print(token);
}

function claimsOf(options: Options): JWTPayload {
  const { channel, channels, info } = options;
  const grants = grantsOf(options);
  const fault = grantsFault(grants);
  if (fault !== undefined) throw wrongUse(`Cannot grant ${fault}`);
  return {
    ...(channel === undefined ? {} : { channel }),
    ...(channels === undefined ? {} : { channels }),
    ...(Object.keys(grants).length === 0 ? {} : { grants }),
    ...(info === undefined ? {} : { info: parseInfo(info) }),
  };
}

function parseInfo(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw wrongUse("Cannot use --info: it is not JSON");
  }
}

function secondsOf(text: string): number {
  const parsed = duration({ least: 1000 }).safeParse(text);
  if (parsed.success) return Math.round(parsed.data / 1000);
  throw wrongUse(`Cannot use --expires ${text}: it ${parsed.error.issues[0]?.message}`);
}
