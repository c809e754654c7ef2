/** What checks tokens, made of its options: reads the files of public keys. */
import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import type { JWK } from "jose";
import { Tokens } from "../core/tokens.ts";
import { keysIn, VerifyingKeys } from "../core/verifying-keys.ts";
import type { Clock, Dialer, Grants, Log } from "../ports.ts";
import { reasonOf } from "./environment.ts";
import { type TokensConfig, tokenSecrets } from "./tokens.ts";

export interface TokenMachine {
  readonly clock: Clock;
  readonly log: Log;
  readonly dialer: Dialer;
}

const patience = 5000;
const largestDocument = 1024 * 1024;

/** Throws when a file has no key. */
export function tokensOf(config: TokensConfig, { clock, log, dialer }: TokenMachine): Tokens {
  const { jwks_url: url, audience, issuer, default_grants: granted } = config;
  const fetchKeys = async (from: string): Promise<string> => {
    const { status, text } = await dialer.request(from, { patience, largest: largestDocument });
    if (status !== 200) throw new Error(`Cannot get ${from}: status ${status}`);
    return text;
  };
  const keys = new VerifyingKeys({
    clock,
    log,
    secrets: tokenSecrets(config),
    publicKeys: config.public_keys.flatMap(readPublicKeys),
    ...(url === undefined ? {} : { fetchKeys: () => fetchKeys(url) }),
  });
  const defaultGrants = Object.fromEntries(Object.entries(granted).filter(([, patterns]) => patterns)) as Grants;
  return new Tokens({ clock, keys, audience, issuer, defaultGrants });
}

function readPublicKeys(file: string): readonly JWK[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`Cannot read the public key ${file}: ${reasonOf(error)}`);
  }
  try {
    return text.trimStart().startsWith("{") ? keysIn(text) : [publicKeyOf(text)];
  } catch (error) {
    throw new Error(`Cannot use the public key ${file}: ${reasonOf(error)}`);
  }
}

/** Of a certificate or a private key too; only what is public of it is kept. */
function publicKeyOf(pem: string): JWK {
  return createPublicKey(pem).export({ format: "jwk" }) as JWK;
}
