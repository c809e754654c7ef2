/** People who come all the time, each by a connection of its own: what became of every one of them. */
import { request } from "node:http";

export interface Publishing {
  readonly text: string;
  readonly offset: number;
}

export class Visitors {
  /** Attempts that were not answered, or not by what they came for. */
  readonly lost: string[] = [];
  readonly published: Publishing[] = [];
  /** Publications that were refused with a code to come back. */
  refused = 0;
  answered = 0;
  #on = true;
  #waiting: (() => void)[] = [];
  readonly #loops: readonly Promise<void>[];

  constructor(port: number, channel: string, each = 3) {
    const begin = (visit: (at: string) => Promise<void>): Promise<void>[] =>
      Array.from({ length: each }, (_, at) => this.#repeat(visit, at));
    this.#loops = [
      ...begin(() => this.#read(port, channel)),
      ...begin(() => this.#listen(port, channel)),
      ...begin((text) => this.#publish(port, channel, text)),
    ];
  }

  /** Resolves when so many more have been answered. */
  async more(count: number): Promise<void> {
    const until = this.answered + count;
    while (this.answered < until) await new Promise((resolve) => this.#waiting.push(resolve as () => void));
  }

  async leave(): Promise<void> {
    this.#on = false;
    await Promise.all(this.#loops);
  }

  async #repeat(visit: (text: string) => Promise<void>, at: number): Promise<void> {
    for (let round = 0; this.#on; round++) {
      try {
        await visit(`${at}-${round}`);
      } catch (thrown) {
        this.lost.push(String(thrown));
      }
      for (const resolve of this.#waiting.splice(0)) resolve();
    }
  }

  async #read(port: number, channel: string): Promise<void> {
    const { status, text } = await ask(port, "GET", `/channels/${channel}`);
    if (status !== 200) throw new Error(`GET: ${status} ${text}`);
    this.answered++;
  }

  #listen(port: number, channel: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/channels/${channel}`);
      let welcome = false;
      socket.onmessage = () => {
        welcome = true;
        socket.close();
      };
      socket.onclose = ({ code }) => (welcome ? resolve() : reject(new Error(`WebSocket: ${code}`)));
    });
  }

  async #publish(port: number, channel: string, text: string): Promise<void> {
    const { status, text: answer, retryAfter } = await ask(port, "POST", `/channels/${channel}`, text);
    if (status === 200) this.published.push({ text, offset: (JSON.parse(answer) as { offset: number }).offset });
    else if (status === 503 && retryAfter !== undefined && answer.includes('"code":3001')) this.refused++;
    else throw new Error(`POST: ${status} ${answer}`);
  }
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly retryAfter: string | undefined;
}

function ask(port: number, method: string, path: string, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, method, path, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, text, retryAfter: response.headers["retry-after"] });
      });
      response.on("error", reject);
    });
    asked.on("error", (error) => reject(new Error(`${method}: ${error.message}`)));
    asked.end(body);
  });
}
