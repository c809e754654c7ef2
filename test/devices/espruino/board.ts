/**
 * A board as Espruino's firmware is for a program: a realm of its own with ES5 and no more, strings of bytes, objects that all have
 * `on` and a queued `emit`, timers that the test may hurry, `net` and `http` over real sockets in chunks, no Buffer.
 * Facts: the firmware's sources (socketserver.c, jswrap_stream.c, jswrap_object.c) and its reference.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { type Context, createContext, runInContext } from "node:vm";
import { Network, type Routes } from "./network.ts";
import { bytesOnly } from "./realm.ts";

const files = new URL("../../../devices/espruino/", import.meta.url);

export interface BoardOptions {
  /** What the firmware reads and writes at once, in bytes: 64 (CC3000), 268 (ESP8266 once), 536. */
  readonly chunk?: number;
  /** Of its HTTP server: 1.0 until 2020. */
  readonly http?: "1.0" | "1.1";
  /** Where the hosts are that the program names. */
  readonly routes?: Routes;
  /** Pins and whatever else the program finds. */
  readonly globals?: Record<string, unknown>;
  /** What `require` gives besides, by name. */
  readonly modules?: Record<string, unknown>;
}

type Callback = (...values: unknown[]) => void;

export class Board {
  /** What the program printed. */
  readonly printed: string[] = [];
  /** What it threw, of which firmware prints no more than "Uncaught". */
  readonly uncaught: unknown[] = [];
  readonly network: Network;
  readonly #realm: Context;
  readonly #listeners = new WeakMap<object, Map<string, Callback[]>>();
  readonly #loaded = new Map<string, unknown>();
  readonly #queue: (() => void)[] = [];
  #timers: { readonly id: number; due: number; readonly every: number; readonly task: Callback }[] = [];
  #lastTimer = 0;
  /** How far the board's time is ahead of ours, in ms. */
  #ahead = 0;
  /** When the interpreter goes on, by our time. */
  #turn: { readonly at: number; readonly timer: ReturnType<typeof setTimeout> } | undefined;
  #waiting: { readonly true: () => boolean; readonly done: () => void }[] = [];
  #stopped = false;

  constructor({ chunk = 536, http = "1.1", routes = {}, globals = {}, modules = {} }: BoardOptions = {}) {
    for (const [name, module] of Object.entries(modules)) this.#loaded.set(name, module);
    const network = new Network(chunk, http, routes, {
      object: () => runInContext("({})", this.#realm),
      emit: (target, event, ...values) => this.#emit(target, event, values),
      now: (target, event, ...values) => this.#now(target, event, values),
      wake: () => this.#wake(0),
    });
    this.network = network;
    const print = (...values: unknown[]): void => {
      this.printed.push(values.map(String).join(" "));
      this.#wake(0);
    };
    this.#realm = createContext({
      print,
      console: { log: print },
      require: (name: string) => this.#require(name),
      Modules: { addCached: (name: string, module: () => void) => this.#load(name, functionBody(module)) },
      btoa: (bytes: string | ArrayBuffer) =>
        (typeof bytes === "string" ? Buffer.from(bytes, "latin1") : Buffer.from(bytes)).toString("base64"),
      setTimeout: (task: Callback, ms = 0) => this.#timer(task, ms, 0),
      setInterval: (task: Callback, ms = 0) => this.#timer(task, ms, Math.max(ms, 1)),
      clearTimeout: (id: unknown) => this.#clear(id),
      clearInterval: (id: unknown) => this.#clear(id),
      ...globals,
    });
    const board = this;
    runInContext(
      bytesOnly,
      this.#realm,
    )({
      on(this: object, event: string, task: Callback) {
        board.#on(this, event, task);
      },
      emit(this: object, event: string, ...values: unknown[]) {
        board.#emit(this, event, values);
      },
      removeAllListeners(this: object, event: string) {
        board.#listeners.get(this)?.delete(event);
      },
    });
  }

  /** Runs a program as if it had been sent to the board; what it evaluates to comes back. */
  run(program: string): unknown {
    if (/[^\0-\xff]/.test(program)) throw new Error("Cannot send to a board what is no byte");
    try {
      return runInContext(program, this.#realm);
    } finally {
      this.#wake(0);
    }
  }

  /** Lets the board's time go on by so much at once; every timer on the way has its turn. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      const next = Math.min(...this.#timers.map(({ due }) => due));
      if (next > end) break;
      this.#ahead += Math.max(0, next - this.time);
      this.#idle();
      await new Promise(setImmediate);
    }
    this.#ahead += Math.max(0, end - this.time);
    this.#wake(0);
  }

  get time(): number {
    return Date.now() + this.#ahead;
  }

  /** Timers that run, with what is left of them in ms. */
  get timers(): readonly number[] {
    return this.#timers.map(({ due }) => due - this.time);
  }

  /** Is there once it is true, at the board's next turn or later. */
  until(what: () => boolean, deadline = 10_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        reject(
          new Error(`Cannot wait any longer: printed ${JSON.stringify(this.printed)}, threw ${this.uncaught.join()}`),
        );
      }, deadline);
      this.#waiting.push({
        true: what,
        done: () => {
          clearTimeout(late);
          resolve();
        },
      });
      this.#wake(0);
    });
  }

  prints(line: string): Promise<void> {
    return this.until(() => this.printed.includes(line));
  }

  /** The port of this machine behind the one that the program listens on. */
  async port(port: number): Promise<number> {
    await this.until(() => this.network.ports.has(port));
    return this.network.ports.get(port) ?? 0;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#turn?.timer);
    this.network.stop();
  }

  #require(name: string): unknown {
    if (name === "net") return this.network.net;
    if (name === "http") return this.network.http;
    if (name === "crypto") return { SHA1: sha1 };
    if (!this.#loaded.has(name)) {
      this.#load(name, readFileSync(new URL(`${name}.js`, files), "latin1"));
    }
    return this.#loaded.get(name);
  }

  /** The firmware runs a module in a scope that has `exports` and `module`, and takes what `exports` is then. */
  #load(name: string, source: string): void {
    const scope = `(function () { var exports = {}, module = this; ${source}\n; return exports; })()`;
    this.#loaded.set(name, runInContext(scope, this.#realm));
  }

  #timer(task: Callback, ms: number, every: number): number {
    this.#timers.push({ id: ++this.#lastTimer, due: this.time + Math.max(ms, 0), every, task });
    this.#wake(0);
    return this.#lastTimer;
  }

  #clear(id: unknown): void {
    if (id === undefined) throw new Error("clearTimeout(undefined) not allowed. Use clearTimeout() instead");
    this.#timers = this.#timers.filter((timer) => timer.id !== id);
  }

  #on(target: object, event: string, task: Callback): void {
    const events = this.#listeners.get(target) ?? new Map<string, Callback[]>();
    this.#listeners.set(target, events);
    events.set(event, [...(events.get(event) ?? []), task]);
    if (event === "data") this.network.sockets.listened(target);
  }

  /** Queues the handlers that there are now. */
  #emit(target: object, event: string, values: unknown[]): void {
    const tasks = this.#listeners.get(target)?.get(event) ?? [];
    for (const task of tasks) this.#queue.push(() => task.apply(target, values));
    this.#wake(0);
  }

  /** `data` of streams comes at once, or is kept where nobody listens. */
  #now(target: object, event: string, values: unknown[]): boolean {
    const tasks = this.#listeners.get(target)?.get(event) ?? [];
    for (const task of tasks) this.#try(() => task.apply(target, values));
    return tasks.length > 0;
  }

  #try(task: () => void): void {
    try {
      task();
    } catch (thrown) {
      this.uncaught.push(thrown);
    }
  }

  /** One round of the interpreter: events, timers that are due, a chunk in and out for each socket. */
  #idle(): void {
    if (this.#stopped) return;
    clearTimeout(this.#turn?.timer);
    this.#turn = undefined;
    // What events cause is an event before timers and sockets have their turn.
    for (let task = this.#queue.shift(); task !== undefined; task = this.#queue.shift()) this.#try(task);
    for (const timer of this.#timers.filter(({ due }) => due <= this.time)) {
      if (!this.#timers.includes(timer)) continue;
      if (timer.every > 0) timer.due += timer.every;
      else this.#timers = this.#timers.filter((other) => other !== timer);
      this.#try(timer.task);
    }
    const busy = this.network.sockets.idle();
    const over = this.#waiting.filter((waiting) => waiting.true());
    this.#waiting = this.#waiting.filter((waiting) => !over.includes(waiting));
    for (const { done } of over) done();
    if (busy || this.#queue.length > 0) this.#wake(0);
    else if (this.#timers.length > 0) this.#wake(Math.min(...this.timers));
  }

  #wake(ms: number): void {
    const wait = Math.max(0, Math.min(ms, 2 ** 30));
    const at = Date.now() + wait;
    if (this.#stopped || (this.#turn !== undefined && this.#turn.at <= at)) return;
    clearTimeout(this.#turn?.timer);
    this.#turn = { at, timer: setTimeout(() => this.#idle(), wait) };
  }
}

/** What a module is made of where it comes as a function. */
function functionBody(module: () => void): string {
  const text = String(module);
  return text.slice(text.indexOf("{") + 1, text.lastIndexOf("}"));
}

function sha1(text: string): ArrayBuffer {
  const digest = createHash("sha1").update(text, "latin1").digest();
  return digest.buffer.slice(digest.byteOffset, digest.byteOffset + digest.length);
}
