/** Child processes of a run: pinned to a core, heard line by line, and ended whatever happens to the runner. */
import { readFileSync } from "node:fs";

/** One line of JSON that a tool printed; `ev` says what about. */
export interface Report {
  readonly ev: string;
  readonly [field: string]: unknown;
}

const ticksPerSecond = 100;
const alive = new Set<Child>();
let pinning: boolean | undefined;

/** Whether there are two cores to pin to, and `taskset` to do it. */
export function canPin(): boolean {
  pinning ??= navigator.hardwareConcurrency >= 2 && Bun.which("taskset") !== null;
  return pinning;
}

export interface ChildOptions {
  readonly core: 0 | 1;
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

export class Child {
  readonly name: string;
  readonly pid: number;
  readonly exited: Promise<number>;
  readonly #process: Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly #lines: string[] = [];
  readonly #waiting = new Set<() => void>();
  #errors = "";
  #ended = false;

  constructor(command: readonly string[], { core, cwd, env }: ChildOptions) {
    const pinned = canPin() ? ["taskset", "-c", String(core), ...command] : command;
    this.name = command.find((part) => /\.[cm]?[jt]s$/.test(part)) ?? command[0] ?? "";
    this.#process = Bun.spawn([...pinned], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      ...(cwd !== undefined && { cwd }),
      env: { ...process.env, ...env },
    });
    this.pid = this.#process.pid;
    alive.add(this);
    const heard = Promise.all([this.#hear(), this.#hearErrors()]);
    this.exited = this.#process.exited.then(async (code) => {
      await heard;
      this.#ended = true;
      alive.delete(this);
      this.#wake();
      return code;
    });
  }

  /** The next line that `wanted` accepts, among those not taken yet. Lines before it are thrown away. */
  async line(wanted: (line: string) => boolean, limit = 60_000): Promise<string> {
    const deadline = Date.now() + limit;
    for (;;) {
      for (let line = this.#lines.shift(); line !== undefined; line = this.#lines.shift())
        if (wanted(line)) return line;
      if (this.#ended) throw new Error(`${this.name} ended early: ${this.#errors.trim() || "without a word"}`);
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`${this.name} did not say what was waited for in ${limit} ms. ${this.#errors}`);
      await this.#news(left);
    }
  }

  async report(ev: string, limit?: number): Promise<Report> {
    return JSON.parse(await this.line((line) => line.startsWith(`{"ev":"${ev}"`), limit)) as Report;
  }

  write(text: string): void {
    this.#process.stdin.write(text);
    void this.#process.stdin.flush();
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.#ended) this.#process.kill(signal);
  }

  /** Ends it: asked first, then not asked. */
  async stop(): Promise<void> {
    this.signal("SIGTERM");
    const patience = setTimeout(() => this.signal("SIGKILL"), 5000);
    await this.exited;
    clearTimeout(patience);
  }

  /** Seconds of CPU that all its threads have used. */
  cpu(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  }

  /** Resident memory in bytes. */
  rss(): number {
    const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${this.pid}/status`, "utf8"))?.[1];
    return Number(kilobytes) * 1024;
  }

  get errors(): string {
    return this.#errors;
  }

  async #hear(): Promise<void> {
    let rest = "";
    for await (const text of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      this.#lines.push(...lines);
      this.#wake();
    }
  }

  async #hearErrors(): Promise<void> {
    for await (const text of this.#process.stderr.pipeThrough(new TextDecoderStream())) {
      this.#errors = (this.#errors + text).slice(-4000);
    }
  }

  #wake(): void {
    for (const waiting of this.#waiting) waiting();
  }

  #news(limit: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, limit);
      this.#waiting.add(done);
    });
  }
}

/** Ends everything that was started. */
export async function endAll(): Promise<void> {
  await Promise.all(Array.from(alive, (child) => child.stop()));
}

/** For the runner's own end by a signal, when there is no time to ask. */
export function killAll(): void {
  for (const child of alive) child.signal("SIGKILL");
}
