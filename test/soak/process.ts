/** A process that the soak starts, measures and ends. */
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";

const root = new URL("../..", import.meta.url).pathname;

export class Process {
  readonly #words: readonly string[];
  #child: Bun.Subprocess<"ignore", "pipe", "inherit"> | undefined;
  /** What it printed in its first line. */
  first = "";

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  /** Resolves with its first line of output. */
  async start(): Promise<string> {
    const child = Bun.spawn([process.execPath, ...this.#words], {
      cwd: root,
      env: { PATH: process.env["PATH"] ?? "", HOME: tmpdir(), NO_COLOR: "1" },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
    this.#child = child;
    const reader = (child.stdout as ReadableStream<Uint8Array>).getReader();
    const decoder = new TextDecoder();
    let said = "";
    while (!said.includes("\n")) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`${this.#words.join(" ")} ended with ${await child.exited}: ${said}`);
      said += decoder.decode(value, { stream: true });
    }
    void (async () => {
      while (!(await reader.read()).done);
    })();
    [this.first = ""] = said.split("\n");
    return this.first;
  }

  async end(signal: "SIGTERM" | "SIGKILL"): Promise<number> {
    this.#child?.kill(signal);
    return (await this.#child?.exited) ?? 0;
  }

  get alive(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** In MB. */
  get rss(): number {
    const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.#child?.pid}/status`, "utf8")) ?? [];
    return Number(kilobytes) / 1024;
  }

  /** Open files and sockets. */
  get handles(): number {
    return readdirSync(`/proc/${this.#child?.pid}/fd`).length;
  }
}
