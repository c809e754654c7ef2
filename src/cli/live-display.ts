/** What a person sees of a subscription: a line for each publication, and below them how the connection is. */
import { styleText } from "node:util";
import { tame } from "./output.ts";
import type { Listener, SubscriptionState } from "./subscription.ts";

/** The part of a terminal that is needed. */
export interface Screen {
  write(text: string): unknown;
  readonly columns?: number;
}

const clearLine = "\r\u001b[K";

export class LiveDisplay implements Listener {
  readonly #screen: Screen;
  readonly #now: () => number;
  #status: SubscriptionState = { state: "connecting" };
  #received = 0;
  #last: number | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(screen: Screen, now: () => number = Date.now) {
    this.#screen = screen;
    this.#now = now;
  }

  /** Keeps the last line up to date. */
  start(): void {
    this.#timer = setInterval(() => this.#draw(), 1000);
    this.#draw();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#screen.write(clearLine);
  }

  line(text: string, value: Readonly<Record<string, unknown>>): void {
    const { time, channel, key, removed, data } = value;
    this.#received++;
    this.#last = this.#now();
    const at = new Date(typeof time === "number" ? time : this.#last);
    const clock = styleText("dim", at.toTimeString().slice(0, 8));
    const where = styleText("cyan", tame(String(channel)));
    const which = typeof key === "string" ? ` ${styleText("yellow", tame(key))}` : "";
    this.#say(`${clock} ${where}${which} ${contentOf(text, data, removed === true)}`);
  }

  gap(_: string, channels: readonly string[]): void {
    const where = channels.length > 0 ? ` of ${channels.map(tame).join(", ")}` : "";
    this.#say(styleText("red", `Something${where} was missed and cannot be had any more.`));
  }

  state(state: SubscriptionState): void {
    this.#status = state;
    this.#draw();
  }

  #say(line: string): void {
    this.#screen.write(`${clearLine}${line}\n`);
    this.#draw();
  }

  #draw(): void {
    const width = Math.max(20, (this.#screen.columns ?? 80) - 1);
    const [colour, text] = this.#sentence();
    this.#screen.write(`${clearLine}${styleText(colour, `● ${text}`.slice(0, width))}`);
  }

  #sentence(): readonly ["green" | "yellow", string] {
    const status = this.#status;
    if (status.state === "connecting") return ["yellow", "connecting…"];
    if (status.state === "waiting") {
      return ["yellow", `${tame(status.why)}; again in ${Math.ceil(status.seconds)} s`];
    }
    const ago = this.#last === undefined ? "" : `, the last ${Math.round((this.#now() - this.#last) / 1000)} s ago`;
    return ["green", `live: ${this.#received} received${ago} (Ctrl-C ends it)`];
  }
}

function contentOf(text: string, data: unknown, removed: boolean): string {
  if (removed) return styleText("dim", "removed");
  if (data !== undefined) return typeof data === "string" ? tame(data) : tame(JSON.stringify(data));
  return styleText("dim", tame(text));
}
