/** The plugin's end as far as one wire is concerned: it answers what the test says, as slowly as it says, over real sockets. */
import { createServer } from "node:net";

export interface Asked {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly id: unknown;
  /** The `apikey` of its URL. */
  readonly key: string | null;
}

export interface Message {
  readonly type: string;
  readonly payload?: unknown;
}

type Answering = (asked: Asked) => Message | undefined | Promise<Message | undefined>;

export const pluginKey = "the0plugins0own0key";

/** Phones whose keys it knows are welcomed; what is not said otherwise has no answer. */
export class PluginEnd {
  readonly asked: Asked[] = [];
  readonly answers = new Map<string, Answering>();
  readonly known = new Set(["anna", "ben", "cleo"].map(keyOf));
  readonly socketPort: number;
  /** GET_EVENTS of one phone that overlapped. */
  overlaps = 0;
  /** Names of files that were uploaded, and what pictures were asked for. */
  readonly files: string[] = [];
  readonly snapshots: string[] = [];
  picture = new Uint8Array([0xff, 0xd8, 0xff]);
  pictureType = "image/jpeg";
  readonly #reading = new Set<unknown>();
  readonly #server: Bun.Server<undefined>;

  private constructor(socketPort: number) {
    this.socketPort = socketPort;
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      development: false,
      idleTimeout: 0,
      fetch: (request) => this.#visit(request),
      error: () => new Response("", { status: 500 }),
    });
  }

  static async open(): Promise<PluginEnd> {
    return new PluginEnd(await freePort());
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  get callback(): string {
    return `${this.url}/plugins/JeedomConnect/core/api/JeedomConnect.api.php`;
  }

  /** What was asked of one method, of one phone or of all. */
  of(method: string, name?: string): readonly Asked[] {
    const isOf = ({ params }: Asked): boolean => name === undefined || params["apiKey"] === keyOf(name);
    return this.asked.filter((one) => one.method === method && isOf(one));
  }

  /** Answers the next question of that method so. */
  once(method: string, message: Message): void {
    this.answers.set(method, () => {
      this.answers.delete(method);
      return message;
    });
  }

  /** To the port of this machine, as the plugin writes. */
  async tell(text: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = { data: () => undefined, close: () => resolve(), error: () => resolve() };
    const connection = await Bun.connect({ hostname: "127.0.0.1", port: this.socketPort, socket });
    connection.write(text);
    connection.end();
    await promise;
  }

  async stop(): Promise<void> {
    await this.#server.stop(true);
  }

  async #visit(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    if (pathname.endsWith("/upload.api.php")) {
      for (const [, value] of await request.formData()) if (typeof value !== "string") this.files.push(value.name);
      return Response.json({ jsonrpc: "2.0", id: 1, result: { type: "SET_FILES", payload: {} } });
    }
    if (pathname.endsWith("/snapshot.php")) {
      this.snapshots.push(search);
      return new Response(this.picture, { headers: { "content-type": this.pictureType } });
    }
    const { jsonrpc, id, method, params } = (await request.json()) as Asked & { jsonrpc: string };
    if (jsonrpc !== "2.0") return new Response("", { status: 500 });
    const asked = { method, params, id, key: new URL(request.url).searchParams.get("apikey") };
    this.asked.push(asked);
    const result = await this.#answer(asked);
    const { apiKey, connexionFrom } = params;
    if (connexionFrom !== "WS") return Response.json({ jsonrpc: "2.0", id, result: result ?? "ok" });
    if (result === undefined) return new Response("");
    // What goes wrong does not say whose it is.
    const isNameless = result.type === "EXCEPTION" || !this.known.has(String(apiKey));
    const whose = isNameless ? {} : { id, eqApiKey: apiKey };
    await this.tell(JSON.stringify({ ...result, ...whose, jeedomApiKey: pluginKey }));
    return new Response("");
  }

  async #answer(asked: Asked): Promise<Message | undefined> {
    const { method, params } = asked;
    const phone = params["apiKey"];
    const isReading = method === "GET_EVENTS";
    if (isReading && this.#reading.has(phone)) this.overlaps++;
    if (isReading) this.#reading.add(phone);
    try {
      const answering = this.answers.get(method);
      if (answering !== undefined) return await answering(asked);
      if (method === "GET_PLUGIN_CONFIG") return { type: "PLUGIN_CONFIG", payload: {} };
      if (!this.known.has(String(phone))) return exceptionOf(method, "Can't find eqLogic");
      if (method === "CONNECT")
        return { type: "WELCOME", payload: { eqName: "a phone", configVersion: 1, userId: "7", userName: "anna" } };
      return isReading ? events() : undefined;
    } finally {
      if (isReading) this.#reading.delete(phone);
    }
  }
}

export function keyOf(name: string): string {
  return new Bun.CryptoHasher("md5").update(name).digest("hex");
}

export function exceptionOf(method: string, words: string): Message {
  return { type: "EXCEPTION", payload: { message: `Error with '${method}' method ${words}` } };
}

/** SET_EVENTS with values of commands. */
export function events(...values: readonly string[]): Message {
  const now = Date.now() / 1000;
  const cursors = [
    { type: "DATETIME", payload: now },
    { type: "HIST_DATETIME", payload: now },
  ];
  if (values.length === 0) return { type: "SET_EVENTS", payload: cursors };
  const list = values.map((value, at) => ({ id: String(at), value }));
  const lists = [
    { type: "CMD_INFO", payload: list },
    { type: "SC_INFO", payload: [] },
  ];
  return { type: "SET_EVENTS", payload: [...cursors, ...lists] };
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
