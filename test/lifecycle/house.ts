/** A gateway as a process, whose configuration a test changes while it runs. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Home, RunningCommand, Serving } from "../cli/command-line.ts";

/** A gateway with a configuration file that the test writes anew. */
export class House {
  readonly #home: Home;
  readonly file: string;
  command: RunningCommand | undefined;
  url = "";

  constructor(home: Home) {
    this.#home = home;
    this.file = join(home.folder, "house.yaml");
  }

  write(text: string): void {
    writeFileSync(this.file, `listen: 127.0.0.1:0\ndata: ${this.#home.data}\nunix_socket: false\n${text}`);
  }

  async start(text: string): Promise<this> {
    this.write(text);
    const command = this.#home.spawn(["serve", "--json", "--config", this.file]);
    await command.until(() => command.lines.length > 0);
    this.command = command;
    this.url = (JSON.parse(command.lines[0] ?? "") as Serving).addresses[0]?.url ?? "";
    return this;
  }

  async reload(text: string, ...words: string[]): Promise<unknown> {
    this.write(text);
    return this.#home.json(["reload", ...words]);
  }

  async status(path: string, init: RequestInit = {}): Promise<number> {
    return (await fetch(this.url + path, init)).status;
  }

  async publish(channel: string, body = "1"): Promise<{ status: number; epoch?: string; offset?: number }> {
    const response = await fetch(`${this.url}/channels/${channel}`, { method: "POST", body });
    return { status: response.status, ...((await response.json()) as object) };
  }

  listen(channel: string): Promise<{ readonly ended: Promise<number>; readonly next: () => Promise<string> }> {
    const socket = new WebSocket(`${this.url.replace("http", "ws")}/channels/${channel}`);
    const heard: string[] = [];
    let told: () => void = () => undefined;
    const ended = new Promise<number>((resolve) => {
      socket.onclose = ({ code }) => resolve(code);
    });
    const next = async (): Promise<string> => {
      while (heard.length === 0) await new Promise<void>((resolve) => (told = resolve));
      return heard.shift() ?? "";
    };
    socket.onmessage = ({ data }) => {
      heard.push(String(data));
      told();
    };
    return next().then(() => ({ ended, next }));
  }
}
