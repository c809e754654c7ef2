/** The examples of docs/clients.md, as they stand there, run against a gateway of the test's. */
import { readFileSync } from "node:fs";
import { TestGateway } from "../http/gateway.ts";

const page = readFileSync(new URL("../../docs/clients.md", import.meta.url), "utf8");
const patience = 20_000;

/** The blocks of a language, as they are written but for the gateway's address. */
export function blocks(language: string, gateway: TestGateway): string[] {
  const found = page.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, "g"));
  return Array.from(found, ([, block = ""]) => block.replaceAll("localhost:8642", new URL(gateway.url).host));
}

export function startGateway(): Promise<TestGateway> {
  return TestGateway.start("anonymous: { subscribe: [demo/**], publish: [demo/**] }\n");
}

/** Runs a program until it has said something that contains `text`, or has ended; all that it said. */
export async function heard(
  command: readonly string[],
  text: string,
  { cwd, env = {} }: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const child = Bun.spawn([...command], {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let said = "";
  const listen = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    for await (const chunk of stream) {
      said += new TextDecoder().decode(chunk);
      if (said.includes(text)) child.kill();
    }
  };
  const timer = setTimeout(() => child.kill(), patience);
  await Promise.all([listen(child.stdout), listen(child.stderr), child.exited]);
  clearTimeout(timer);
  return said;
}
