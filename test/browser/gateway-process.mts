/** A real gateway in a process of its own, on a port and in a folder of its own, which can be killed and comes back. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../free-port.ts";

const root = new URL("../..", import.meta.url).pathname;
const program = "src/main.ts";

export class GatewayProcess {
  readonly url: string;
  /** The admin key that a new gateway makes, and says once. */
  key = "";
  readonly folder = mkdtempSync(join(tmpdir(), "hearthwire-browser-"));
  readonly #config = join(this.folder, "gateway.yaml");
  #child: Bun.Subprocess<"ignore", "pipe", "pipe"> | undefined;

  private constructor(port: number) {
    this.url = `http://127.0.0.1:${port}/`;
  }

  /** Started with `yaml` beside what every gateway of a test has. */
  static async start(yaml: string): Promise<GatewayProcess> {
    const gateway = new GatewayProcess(freePort());
    const { port } = new URL(gateway.url);
    const own = `listen: 127.0.0.1:${port}\ndata: ${gateway.folder}\nunix_socket: { path: ${gateway.socket} }\n`;
    writeFileSync(gateway.#config, own + yaml);
    await gateway.start();
    return gateway;
  }

  get socket(): string {
    return join(this.folder, "push.sock");
  }

  async start(): Promise<void> {
    const child = Bun.spawn([process.execPath, program, "serve", "--config", this.#config], {
      cwd: root,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    this.#child = child;
    let said = "";
    const collect = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
      for await (const chunk of stream) {
        said += new TextDecoder().decode(chunk);
        this.key ||= /hw_[A-Za-z0-9]+_[A-Za-z0-9]+/.exec(said)?.[0] ?? "";
      }
    };
    void collect(child.stdout);
    void collect(child.stderr);
    while (!(await this.#answers()) || this.key === "") {
      if (child.exitCode !== null) throw new Error(`The gateway ended with ${child.exitCode}:\n${said}`);
      await Bun.sleep(10);
    }
  }

  /** As a crash does it: no goodbye. */
  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
  }

  async remove(): Promise<void> {
    await this.kill();
    if (existsSync(this.folder)) rmSync(this.folder, { recursive: true });
  }

  async publish(channel: string, data: unknown, mapKey?: string): Promise<void> {
    const query = mapKey === undefined ? "" : `?key=${encodeURIComponent(mapKey)}`;
    await this.#admin(`channels/${channel}${query}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(data),
    });
  }

  async removeKey(channel: string, mapKey: string): Promise<void> {
    await this.#admin(`channels/${channel}?key=${encodeURIComponent(mapKey)}`, { method: "DELETE" });
  }

  async #admin(path: string, init: { method: string; headers?: Record<string, string>; body?: string }): Promise<void> {
    const headers = { ...init.headers, authorization: `Bearer ${this.key}` };
    const response = await fetch(this.url + path, { ...init, headers });
    if (!response.ok) throw new Error(await response.text());
  }

  async #answers(): Promise<boolean> {
    try {
      return (await fetch(this.url)).ok;
    } catch {
      return false;
    }
  }
}
