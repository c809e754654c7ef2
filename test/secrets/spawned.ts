/** The secrets that a gateway in a process of its own is configured with: by its file, its variables and its flags. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

export interface SpawnOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** What registers the secrets as they are when it is called. */
export function whatConfigures(words: readonly string[], options: SpawnOptions = {}): () => void {
  const { cwd: folder = process.cwd(), env = process.env } = options;
  const at = words.indexOf("--config");
  const named = at === -1 ? env["HEARTHWIRE_CONFIG"] : words[at + 1];
  const file = named === undefined || named === "" ? undefined : resolve(folder, named);
  return () => {
    // Read at once, since the test may remove it; understood later, by what few tests need.
    const text = textOf(file);
    const understood = import("./configured.ts").then(({ registerWritten }) =>
      registerWritten({ text, file, env, folder }),
    );
    understood.catch((thrown: unknown) => console.error("Cannot register the secrets of a gateway", thrown));
  };
}

function textOf(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, "utf8");
  } catch {
    // The gateway says so, or the test has ended with it.
    return undefined;
  }
}
