/** Real clients of the protocol, all of which give messages as objects. */
import { readFileSync } from "node:fs";
import { EventSource } from "eventsource";
import { until } from "../../transports/raw-client.ts";

// Under Bun `import "ws"` is Bun's own stand-in; this is the package.
const { WebSocket: PackagedWebSocket } = (await import("../../../node_modules/ws/wrapper.mjs" as string)) as {
  WebSocket: typeof import("ws").WebSocket;
};

export interface Message {
  readonly [name: string]: unknown;
  readonly channel?: string;
  readonly offset?: number;
  readonly data?: unknown;
  readonly cursor?: string;
}

/** What a client has received, and what the test waits for in it. */
export class Listening {
  readonly messages: Message[] = [];
  /** The last `id:` of SSE. */
  lastId = "";
  ended: { readonly code?: number; readonly reason?: string } | undefined;
  readonly #leave: () => void;

  constructor(leave: () => void) {
    this.#leave = leave;
  }

  get publications(): Message[] {
    return this.messages.filter((message) => "data" in message);
  }

  get data(): unknown[] {
    return this.publications.map(({ data }) => data);
  }

  has(name: string): boolean {
    return this.messages.some((message) => name in message);
  }

  notice(name: string): Message | undefined {
    return this.messages.findLast((message) => name in message);
  }

  async hears(condition: (messages: readonly Message[]) => boolean, what: string): Promise<void> {
    await until(() => condition(this.messages), `${what}; heard ${JSON.stringify(this.messages).slice(-400)}`);
  }

  async isLive(): Promise<this> {
    await this.hears(() => this.has("live"), "`live`");
    return this;
  }

  async hearsPublications(count: number): Promise<Message[]> {
    await this.hears(() => this.publications.length >= count, `${count} publications`);
    return this.publications;
  }

  async isEnded(): Promise<void> {
    await until(() => this.ended !== undefined, `the end; heard ${JSON.stringify(this.messages).slice(-400)}`);
  }

  leave(): void {
    this.#leave();
  }
}

/** A gateway, or a proxy before one. */
export interface Reached {
  readonly url: string;
}

export interface ListenOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** The certificates to trust in the place of the world's: a file. */
  readonly ca?: string;
}

export interface Client {
  readonly name: string;
  /** One-way streams end by `max_age`; a WebSocket goes on. */
  readonly oneWay: boolean;
  /** Resolves when the connection was accepted. */
  listen(gateway: Reached, path: string, options?: ListenOptions): Promise<Listening>;
}

function trusting({ ca }: ListenOptions): { tls?: { ca: string } } {
  return ca === undefined ? {} : { tls: { ca: readFileSync(ca, "utf8") } };
}

async function byFetch(
  gateway: Reached,
  path: string,
  accept: string,
  options: ListenOptions,
  read: (listening: Listening, line: string) => void,
): Promise<Listening> {
  const abort = new AbortController();
  const response = await fetch(`${gateway.url}${path}`, {
    headers: { ...options.headers, accept },
    signal: abort.signal,
    ...trusting(options),
  });
  if (!response.ok || response.body === null) throw new Error(await response.text());
  const listening = new Listening(() => abort.abort());
  const lines = response.body.pipeThrough(new TextDecoderStream()) as ReadableStream<string>;
  void (async () => {
    let rest = "";
    try {
      for await (const part of lines) {
        const parts = (rest + part).split("\n");
        rest = parts.pop() ?? "";
        for (const line of parts) read(listening, line);
      }
    } catch {
      // Left.
    }
    listening.ended = {};
  })();
  return listening;
}

function readLine(listening: Listening, line: string): void {
  if (line !== "") listening.messages.push(JSON.parse(line) as Message);
}

function readSse(listening: Listening, line: string): void {
  if (line.startsWith("data: ")) listening.messages.push(JSON.parse(line.slice(6)) as Message);
  if (line.startsWith("id: ")) listening.lastId = line.slice(4);
}

async function byCurl(
  gateway: Reached,
  path: string,
  accept: string,
  options: ListenOptions,
  read: (listening: Listening, line: string) => void,
): Promise<Listening> {
  const headers = Object.entries({ ...options.headers, accept }).flatMap(([name, value]) => [
    "-H",
    `${name}: ${value}`,
  ]);
  const cacert = options.ca === undefined ? [] : ["--cacert", options.ca];
  const curl = Bun.spawn(["curl", "-sgN", ...cacert, ...headers, `${gateway.url}${path}`], { stdout: "pipe" });
  const listening = new Listening(() => curl.kill());
  void (async () => {
    let rest = "";
    for await (const part of curl.stdout.pipeThrough(new TextDecoderStream()) as ReadableStream<string>) {
      const parts = (rest + part).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) read(listening, line);
    }
    listening.ended = { code: await curl.exited };
  })();
  await until(() => listening.messages.length > 0 || listening.ended !== undefined, "curl's first line");
  return listening;
}

export const clients: readonly Client[] = [
  {
    name: "fetch of server-sent events",
    oneWay: true,
    listen: (gateway, path, options = {}) => byFetch(gateway, path, "text/event-stream", options, readSse),
  },
  {
    name: "the package eventsource",
    oneWay: true,
    listen(gateway, path, options = {}) {
      const { headers } = options;
      const source = new EventSource(`${gateway.url}${path}`, {
        fetch: (url, init) => fetch(url, { ...init, ...trusting(options), headers: { ...init.headers, ...headers } }),
      });
      const listening = new Listening(() => source.close());
      for (const event of ["message", "hello", "live", "gap", "heartbeat", "end", "error", "join", "leave"]) {
        source.addEventListener(event, (told: Event) => {
          if (!(told instanceof MessageEvent)) return;
          listening.messages.push(JSON.parse(String(told.data)) as Message);
          listening.lastId = told.lastEventId;
          if (event === "end") {
            source.close();
            listening.ended = {};
          }
        });
      }
      return new Promise((resolve, reject) => {
        source.onopen = () => resolve(listening);
        source.onerror = ({ code, message }) => {
          source.close();
          listening.ended ??= {};
          reject(new Error(`${code} ${message}`));
        };
      });
    },
  },
  {
    name: "fetch of JSON lines",
    oneWay: true,
    listen: (gateway, path, options = {}) => byFetch(gateway, path, "application/x-ndjson", options, readLine),
  },
  {
    name: "curl of JSON lines",
    oneWay: true,
    listen: (gateway, path, options = {}) => byCurl(gateway, path, "application/x-ndjson", options, readLine),
  },
  {
    name: "the package ws",
    oneWay: false,
    async listen(gateway, path, options) {
      return (await openWs(gateway, path, options)).listening;
    },
  },
];

/** A WebSocket of the package ws, with what it heard. */
export function openWs(
  gateway: Reached,
  path: string,
  { headers = {}, ca }: ListenOptions = {},
  protocols: readonly string[] = [],
): Promise<{ listening: Listening; socket: import("ws").WebSocket; send(message: unknown): void }> {
  const socket = new PackagedWebSocket(`${gateway.url.replace("http", "ws")}${path}`, [...protocols], {
    headers,
    ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
  });
  const listening = new Listening(() => socket.terminate());
  socket.on("message", (data) => void listening.messages.push(JSON.parse(String(data)) as Message));
  socket.on("close", (code, reason) => {
    listening.ended = { code, reason: String(reason) };
  });
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.on("open", () =>
      resolve({
        listening,
        socket,
        send: (message) => socket.send(typeof message === "string" ? message : JSON.stringify(message)),
      }),
    );
  });
}

/** Publishes, and gives the receipt; fails with what was answered if that was not 200. */
export async function publish(
  gateway: Reached,
  channel: string,
  data: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ channel: string; offset: number; epoch: string }> {
  const response = await fetch(`${gateway.url}/channels/${channel}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(data),
  });
  if (response.status !== 200) throw new Error(await response.text());
  return (await response.json()) as { channel: string; offset: number; epoch: string };
}

export interface Poll {
  readonly publications: Message[];
  readonly cursor: string;
  readonly gap?: boolean;
  readonly channels?: string[];
}

export async function poll(
  gateway: Reached,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Poll> {
  const response = await fetch(`${gateway.url}${path}`, { headers });
  if (response.status !== 200) throw new Error(await response.text());
  return (await response.json()) as Poll;
}

/** The status, code and name of a refusal; fails where it is not the one error object. */
export async function refusalOf(response: Response | Promise<Response>): Promise<readonly [number, number, string]> {
  const { status, headers, body } = await Promise.resolve(response).then(async (r) => ({
    status: r.status,
    headers: r.headers,
    body: await r.text(),
  }));
  if (headers.get("content-type") !== "application/json; charset=utf-8") throw new Error(`${status} ${body}`);
  const { error, ...rest } = JSON.parse(body) as {
    error: { code: number; name: string; message: string; doc: string };
  };
  const { code, name, message, doc } = error;
  const whole = JSON.stringify({ error: { code, name, message, doc } }) === body && Object.keys(rest).length === 0;
  if (!whole || doc !== `/docs/codes#${code}` || message === "") throw new Error(`${status} ${body}`);
  return [status, code, name];
}
