/** The command line as people use it: real processes, in a home of their own, with gateways on free ports. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = new URL("../..", import.meta.url).pathname;
const program = join(root, "src/main.ts");

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
}

type Child = Bun.Subprocess<Blob | "ignore", "pipe", "pipe">;

/** A process that goes on: what it has said so far, and waiting for what it will say. */
export class RunningCommand {
  readonly #child: Child;
  stdout = "";
  stderr = "";
  readonly #ended: Promise<unknown>;
  #heard: () => void = () => undefined;

  constructor(child: Child) {
    this.#child = child;
    const out = this.#collect(child.stdout, (text) => {
      this.stdout += text;
    });
    const error = this.#collect(child.stderr, (text) => {
      this.stderr += text;
    });
    this.#ended = Promise.all([out, error, child.exited]);
  }

  async #collect(stream: ReadableStream<Uint8Array>, add: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      add(decoder.decode(chunk, { stream: true }));
      this.#heard();
    }
  }

  get lines(): string[] {
    return this.stdout.split("\n").filter((line) => line !== "");
  }

  /** Resolves as soon as `condition` holds; rejects with all that was said if the process ends before. */
  async until(condition: () => boolean): Promise<void> {
    let ended = false;
    const end = this.#ended.then(() => {
      ended = true;
    });
    while (!condition()) {
      if (ended) throw new Error(`It ended too early:\n${this.stdout}\n${this.stderr}`);
      const more = new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
      await Promise.race([more, end]);
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async end(name: NodeJS.Signals = "SIGTERM"): Promise<Outcome> {
    this.#child.kill(name);
    return this.outcome();
  }

  async outcome(): Promise<Outcome> {
    await this.#ended;
    return { code: this.#child.exitCode ?? -1, stdout: this.stdout, stderr: this.stderr };
  }
}

/** What `serve --json` says. */
export interface Serving {
  readonly addresses: readonly { readonly url: string; readonly listen: string; readonly protocol?: string }[];
  readonly data: string;
  readonly unix_socket?: string;
  readonly first_key?: string;
}

export interface ServingCommand extends Serving {
  readonly command: RunningCommand;
  readonly url: string;
}

/** A folder to which the commands of one test file belong; everything in it ends with it. */
export class Home {
  readonly folder = mkdtempSync(join(tmpdir(), "hearthwire-cli-"));
  readonly data = join(this.folder, "data");
  readonly #running = new Set<RunningCommand>();

  spawn(words: readonly string[], options: CommandOptions = {}): RunningCommand {
    return this.spawnProgram([process.execPath, program, ...words], options);
  }

  /** Another program, which may run ours. */
  spawnProgram(words: readonly string[], { stdin, env = {} }: CommandOptions = {}): RunningCommand {
    const child = Bun.spawn([...words], {
      cwd: this.folder,
      env: this.environment(env),
      stdin: stdin === undefined ? "ignore" : new Blob([stdin]),
      stdout: "pipe",
      stderr: "pipe",
    });
    const command = new RunningCommand(child);
    this.#running.add(command);
    return command;
  }

  /** Nothing of the environment in which the tests run. */
  environment(env: Readonly<Record<string, string>> = {}): Record<string, string> {
    return { PATH: process.env["PATH"] ?? "", HOME: this.folder, XDG_RUNTIME_DIR: this.folder, NO_COLOR: "1", ...env };
  }

  /** Runs a command to its end, on this home's data directory. */
  run(words: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
    return this.spawn(["--data", this.data, ...words], options).outcome();
  }

  /** Like `run`, and the JSON that it answers. */
  async json(words: readonly string[], options: CommandOptions = {}): Promise<unknown> {
    const { code, stdout, stderr } = await this.run(["--json", ...words], options);
    if (code !== 0) throw new Error(`${words.join(" ")} ended with ${code}: ${stderr}`);
    return JSON.parse(stdout);
  }

  async serve(...words: string[]): Promise<ServingCommand> {
    const command = this.spawn(["--data", this.data, "--json", "serve", "--listen", "127.0.0.1:0", ...words]);
    await command.until(() => command.lines.length > 0);
    const serving = JSON.parse(command.lines[0] ?? "") as Serving;
    return { ...serving, command, url: serving.addresses[0]?.url ?? "" };
  }

  async clear(): Promise<void> {
    for (const command of this.#running) command.signal("SIGKILL");
    for (const command of this.#running) await command.outcome();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
