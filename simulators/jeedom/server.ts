/** A Jeedom as a process: its JSON-RPC on a real port, and faults on demand. */
import type { Server } from "bun";
import { serve } from "../serve.ts";
import { type Dialect, EventBuffer, type Row } from "./event-buffer.ts";
import { House } from "./house.ts";
import { bytesOf, errorText, type Question, readQuestion, resultText } from "./json-rpc.ts";
import { Fault, Methods, notAllowed } from "./methods.ts";
import { People } from "./people.ts";
import { type Asking, type User, Users } from "./users.ts";

export interface SimulatorOptions {
  /** 0: any free one. */
  readonly port?: number;
  readonly hostname?: string;
  readonly dialect?: Dialect;
  readonly seed?: number;
  /** How fast the people live; 0: nobody lives there. */
  readonly speed?: number;
  /** The key of the API itself, of 16 letters at least. */
  readonly apiKey?: string;
  /** `event::waitPollingTime`, in ms: how often a long poll looks for events. Default: 1000. */
  readonly waitPollingTime?: number;
}

/** What is wrong with the answers: an error of the server, a page of a proxy, or nothing is answered ever. */
export type Trouble = "500" | "html" | "hang";

/** How often it is looked what the people have done, in ms. */
const tick = 20;
/** Until 4.4.9 every round of a long poll is so much longer, in ms. */
const extraWait = 1000;
const path = "/core/api/jeeApi.php";
const page = "<!DOCTYPE html><html><body><h1>Service indisponible</h1></body></html>";

export class Simulator {
  readonly dialect: Dialect;
  readonly house: House;
  readonly users: Users;
  readonly events: EventBuffer;
  readonly people: People | undefined;
  /** `internalAddr`, `externalAddr`, `event::waitPollingTime` and whatever else is asked for by `config::byKey`. */
  readonly config = new Map<string, string>();
  /** Told of each row of an answer to `event::changes`, as it is written. */
  answered: (row: string) => void = () => undefined;
  /** Told of every method that is asked for, and by whom. */
  asked: (method: string, asking: Asking) => void = () => undefined;
  /** Requests so far, and how many `event::changes` wait now and waited at once at most. */
  requests = 0;
  waiting = 0;
  mostWaiting = 0;
  /** Requests that came with a cookie: Jeedom counts failed logins in the session that it names, and bans. */
  cookies = 0;
  /** Each answer waits so long, in ms. */
  slowness = 0;
  trouble: Trouble | undefined;
  readonly #options: SimulatorOptions;
  readonly #methods: Methods;
  readonly #born = performance.now();
  #jump = 0;
  #server: Server<unknown> | undefined;
  #port: number;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Ends all that waits. */
  #closing = new AbortController();

  constructor(options: SimulatorOptions = {}) {
    const { dialect = "4.5", apiKey = "simulated0jeedom0api0key", speed = 0 } = options;
    this.#options = options;
    this.#port = options.port ?? 0;
    this.dialect = dialect;
    const written = (value: number): number | string => (dialect === "4.5" ? value : String(value));
    const now = (): number => this.now();
    this.events = new EventBuffer(dialect, now);
    this.house = new House(
      (name, option) => void this.events.add(name, option),
      () => localDate(now()),
      written,
    );
    this.users = new Users(apiKey, dialect === "4.5");
    this.users.add("admin", "admin");
    this.config.set("api", apiKey).set("internalAddr", "192.168.1.20").set("externalAddr", "maison.example.org");
    if (options.waitPollingTime !== undefined) {
      this.config.set("event::waitPollingTime", String(options.waitPollingTime / 1000));
    }
    this.#methods = new Methods({ house: this.house, config: this.config, written, version: dialect, now });
    if (speed > 0) this.people = new People(this.house, options.seed ?? 8642, 0);
  }

  /** Jeedom's clock, in seconds to a ten-thousandth. */
  now(): number {
    return Math.round((performance.timeOrigin + performance.now()) * 10 + this.#jump * 10_000) / 10_000;
  }

  get port(): number {
    return this.#server?.port ?? this.#port;
  }

  get url(): string {
    return `http://${this.#options.hostname ?? "127.0.0.1"}:${this.port}`;
  }

  start(): this {
    this.#closing = new AbortController();
    const place = { hostname: this.#options.hostname, port: this.#port };
    this.#server = serve(place, (request) => this.#visit(request), page);
    this.#port = this.#server.port ?? 0;
    const speed = this.#options.speed ?? 0;
    this.#timer ??= setInterval(() => this.people?.liveUntil((performance.now() - this.#born) * speed), tick);
    return this;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.cut();
  }

  // ── Faults ──

  /** The network is lost: what waits breaks, and nobody is let in until `start`. The house lives on. */
  async cut(): Promise<void> {
    const stopped = this.#server?.stop(true);
    this.#server = undefined;
    // Not before, or what waits would still be answered.
    this.#closing.abort();
    await stopped;
  }

  /** Jeedom is away for so long, in ms, and has forgotten its events unless it `keeps` them. */
  async restart(away = 0, keeps = false): Promise<void> {
    await this.cut();
    if (!keeps) this.events.clear();
    if (away > 0) await new Promise((resolve) => setTimeout(resolve, away));
    this.start();
  }

  /** Jeedom's clock is put forward, or back, by so many seconds. */
  jump(seconds: number): void {
    this.#jump += seconds;
  }

  // ── Answers ──

  async #visit(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const [, first, ...rest] = pathname.split("/");
    if (first === "simulator") return this.#obey(rest, request);
    this.requests++;
    if (request.headers.has("cookie")) this.cookies++;
    const { signal } = this.#closing;
    if (this.slowness > 0) await pause(this.slowness, signal);
    if (this.trouble === "hang") await pause(2 ** 31 - 1, signal);
    if (this.trouble === "500") return new Response(page, { status: 500, headers: { "content-type": "text/html" } });
    if (this.trouble === "html") return new Response(page, { headers: { "content-type": "text/html" } });
    if (pathname !== path) return new Response("", { status: 404 });
    const question = readQuestion(await request.text());
    const text = await this.#answer(question, signal);
    const callback = searchParams.get("callback");
    const headers = {
      "content-type": "application/json",
      "set-cookie": `PHPSESSID=${Bun.hash(text).toString(36)}; path=/`,
    };
    return new Response(bytesOf(callback === null ? text : `${callback}(${text})`), { headers });
  }

  async #answer(question: Question, signal: AbortSignal): Promise<string> {
    const { id, method, params, version } = question;
    try {
      if (version !== "2.0") throw new Fault(-32001, "La version de la requête n'est pas valable");
      if (method === "ping") return resultText(id, "pong", false);
      if (method === "user::useTwoFactorAuthentification") return resultText(id, 0, this.dialect === "4.5");
      if (method === "user::getHash") return resultText(id, this.#login(params).key, false);
      const asking = this.users.find(params["apikey"] ?? params["api"]);
      if (asking === undefined) throw new Fault(-32002, notAllowed);
      this.asked(method, asking);
      if (method === "event::changes") return await this.#changes(question, signal);
      return resultText(id, this.#methods.answer(method, params, asking), this.dialect === "4.5");
    } catch (thrown) {
      return errorText(id, thrown);
    }
  }

  #login({ login, password }: Question["params"]): User {
    const user = this.users.all.get(String(login));
    if (user === undefined || !user.enabled || user.password !== password) {
      throw new Fault(-32001, "Identifiant ou mot de passe refusé");
    }
    return user;
  }

  /** Waits for events as long as it is told to, looking for them from time to time. */
  async #changes({ id, params }: Question, signal: AbortSignal): Promise<string> {
    this.mostWaiting = Math.max(this.mostWaiting, ++this.waiting);
    try {
      const given = params["datetime"];
      const cursor = given === undefined || given === null ? undefined : Number(given);
      const round = Math.max(1, 1000 * Number(this.config.get("event::waitPollingTime") || 1));
      let left = (Number(params["longPolling"]) || 0) * 1000;
      let changes = this.events.since(cursor);
      while (changes.result.length === 0 && left > 0) {
        await pause(round + (this.dialect === "4.4.9" ? extraWait : 0), signal);
        changes = this.events.since(cursor);
        left -= round;
      }
      const rows = changes.result.map((row) => this.#write(row));
      for (const row of rows) this.answered(row);
      return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"datetime":${changes.datetime},"result":[${rows}]}}`;
    } finally {
      this.waiting--;
    }
  }

  #write({ datetime, name, option }: Row): string {
    return JSON.stringify({ datetime: this.dialect === "4.4.10" ? String(datetime) : datetime, name, option });
  }

  /** Faults by HTTP, for whoever runs it as a process: `POST /simulator/slow/500`, `trouble/html`, `jump/-3600` … */
  #obey([what, first = "", second = ""]: readonly string[], { method }: Request): Response {
    if (method !== "POST") {
      const all =
        "slow/<ms>, trouble/500|html|hang|none, jump/<s>, restart/<ms>, set/<command>/<value>, disable/<login>";
      return new Response(`POST ${all} or enable/<login>\n`);
    }
    const user = this.users.all.get(first);
    if (what === "slow") this.slowness = Number(first) || 0;
    else if (what === "trouble")
      this.trouble = first === "500" || first === "html" || first === "hang" ? first : undefined;
    else if (what === "jump") this.jump(Number(first) || 0);
    else if (what === "restart") setTimeout(() => void this.restart(Number(first) || 0), 10);
    else if (what === "set" && this.house.building.commands.has(Number(first))) this.house.set(Number(first), second);
    else if ((what === "disable" || what === "enable") && user !== undefined) user.enabled = what === "enable";
    else return new Response("No such fault\n", { status: 404 });
    return new Response("Done\n");
  }
}

/** Rejects when it is over with all that waits. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", end);
      resolve();
    }, ms);
    const end = (): void => {
      clearTimeout(timer);
      reject(new Error("It was cut"));
    };
    signal.addEventListener("abort", end, { once: true });
  });
}

/** `Y-m-d H:i:s`, as it is where Jeedom stands. */
function localDate(seconds: number): string {
  const date = new Date(seconds * 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19).replace("T", " ");
}
