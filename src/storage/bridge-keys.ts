/** Keys that home systems gave us: `secrets/<bridge>.key` in the data directory, readable by its owner alone. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export function bridgeKeyFile(data: string, bridge: string): string {
  return join(data, "secrets", `${bridge}.key`);
}

/** Nothing where none was written, or it cannot be read. */
export function readBridgeKey(data: string, bridge: string): string | undefined {
  try {
    return readFileSync(bridgeKeyFile(data, bridge), "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
}

/** Whole or not at all: a gateway may read it at any moment. */
export function writeBridgeKey(data: string, bridge: string, key: string): string {
  const file = bridgeKeyFile(data, bridge);
  mkdirSync(join(data, "secrets"), { recursive: true, mode: 0o700 });
  const young = `${file}.new`;
  writeFileSync(young, `${key}\n`, { mode: 0o600 });
  renameSync(young, file);
  return file;
}
