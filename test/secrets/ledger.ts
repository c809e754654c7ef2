/**
 * What the suite uses as secrets and what it prints and logs, for `scripts/test.mjs`, which looks for the one in the other when all
 * tests are done. Loaded before any test, so that none can forget it: every secret that this process makes comes from
 * `systemChance`, every one that a gateway of it is configured with is registered by `configured.ts`, and every gateway in a process of its own
 * is started by `Bun.spawn`, where `spawned.ts` finds those that it is configured with.
 */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../../src/ports.ts";
import { systemChance } from "../../src/transports/system.ts";
import { type SpawnOptions, whatConfigures } from "./spawned.ts";

const folder = process.env["TEST_LEDGER"];
/** Shorter texts of chance are names and runs. */
const shortestSecret = 20;

/** A secret of a test's own making. */
export function registerSecret(secret: string): string {
  note("secrets", secret);
  return secret;
}

/** The same log, of which the ledger hears every line. */
export function overheard(log: Log): Log {
  const hearing =
    (level: keyof Log) =>
    (fields: object, text: string): void => {
      heard(fields, text);
      log[level](fields, text);
    };
  return { debug: hearing("debug"), info: hearing("info"), warn: hearing("warn"), error: hearing("error") };
}

/** A line of a log. */
export function heard(fields: object, text: string): void {
  if (folder !== undefined) note("logged", `${inspected(fields)} ${text}`);
}

function inspected(fields: object): string {
  return JSON.stringify(fields, (_, value: unknown) =>
    value instanceof Error ? `${value.stack} ${String(value.cause)}` : value,
  );
}

function note(file: string, text: string): void {
  if (folder !== undefined) appendFileSync(join(folder, file), `${text}\n`);
}

/** What a gateway shows once on its standard output is a secret that its log must not have. */
async function listen(stream: ReadableStream<Uint8Array>, hear: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) hear(decoder.decode(chunk, { stream: true }));
}

type Spawned = { stdout: unknown; stderr: unknown; exited: Promise<number> };

function overhear(child: Spawned): void {
  const ears = {
    stderr: (text: string) => note("logged", text),
    stdout(text: string) {
      for (const [, secret = ""] of text.matchAll(/hw_[A-Za-z0-9]{4,32}_([A-Za-z0-9]{16,64})/g))
        note("secrets", secret);
    },
  };
  for (const name of ["stdout", "stderr"] as const) {
    const stream = child[name];
    if (!(stream instanceof ReadableStream)) continue;
    const [theirs, ours] = stream.tee();
    Object.defineProperty(child, name, { value: theirs });
    listen(ours, ears[name]).catch(() => undefined);
  }
}

if (folder !== undefined) {
  const { text } = systemChance;
  Object.assign(systemChance, {
    text(length: number, alphabet?: string): string {
      const made = text(length, alphabet);
      if (length >= shortestSecret) note("secrets", made);
      return made;
    },
  });
  const spawn = Bun.spawn as (...given: unknown[]) => Spawned;
  Object.assign(Bun, {
    spawn(...given: unknown[]): Spawned {
      const [command, options] = given;
      const words = Array.isArray(command) ? command.map(String) : [];
      if (!words.some((word) => /(src\/main\.ts|bin\/hearthwire\.mjs)$/.test(word))) return spawn(...given);
      const registerConfigured = whatConfigures(words, options as SpawnOptions | undefined);
      registerConfigured();
      const child = spawn(...given);
      overhear(child);
      // A reload may have taken up another file meanwhile.
      void child.exited.then(registerConfigured);
      return child;
    },
  });
}
