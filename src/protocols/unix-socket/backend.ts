/** One backend at the Unix socket: JSON values in, one reply for each. */
import type { Clock, StreamInlet, StreamOutlet } from "../../ports.ts";
import { err } from "./answers.ts";
import type { Commands, Heard } from "./commands.ts";
import { JsonStream, type JsonTaker } from "./json-stream.ts";
import { Replies } from "./replies.ts";

export interface BackendParts {
  readonly commands: Commands;
  readonly clock: Clock;
  /** Largest command, in bytes. */
  readonly limit: number;
}

/** After so many ms of silence an incomplete value will not be completed. */
const silence = 2000;
/** With so many replies outstanding, or so many bytes of them unread, no more commands are read. */
const mostWaiting = 1024;
const mostUnread = 64 * 1024;
/** So many commands of one piece are read before the first is obeyed: the hub is told beforehand what they are about. */
const together = 64;

export class Backend implements StreamInlet, JsonTaker<Heard | undefined> {
  readonly #outlet: StreamOutlet;
  readonly #commands: Commands;
  readonly #clock: Clock;
  readonly #stream: JsonStream<Heard | undefined>;
  readonly #replies = new Replies(() => this.#writeSoon());
  readonly #gone: (backend: Backend) => void;
  /** What is not obeyed yet of this piece; undefined for what is no command. */
  #heard: (Heard | undefined)[] = [];
  #lastIn = 0;
  #cancel: (() => void) | undefined;
  #writeDue = false;
  #paused = false;
  #finishing = false;
  #open = true;

  constructor(outlet: StreamOutlet, { commands, clock, limit }: BackendParts, gone: (backend: Backend) => void) {
    this.#outlet = outlet;
    this.#commands = commands;
    this.#clock = clock;
    this.#stream = new JsonStream({ limit }, this);
    this.#gone = gone;
  }

  // ── What the transport tells ──

  bytes(chunk: Uint8Array): void {
    if (this.#finishing) return;
    this.#lastIn = this.#clock.now();
    this.#stream.push(chunk);
    this.#obey();
    if (this.#stream.unsettled) this.#cancel ??= this.#clock.after(silence, () => this.#listenForMore());
    this.#holdBack();
  }

  halfClosed(): void {
    this.#stream.settle();
    this.#obey();
    this.finish();
  }

  drained(): void {
    this.#holdBack();
  }

  ended(): void {
    this.#open = false;
    this.#finishing = true;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#gone(this);
  }

  // ── What it asks for ──

  parse(text: string): Heard | undefined {
    return this.#commands.hear(text);
  }

  value(heard: Heard | undefined): void {
    this.#heard.push(heard);
    if (this.#heard.length === together) this.#obey();
  }

  fault(): void {
    this.#heard.push(undefined);
  }

  #obey(): void {
    const heard = this.#heard;
    if (heard.length === 0) return;
    this.#heard = [];
    this.#commands.expect(heard);
    for (const one of heard) this.#replies.add(one === undefined ? err : this.#commands.reply(one));
  }

  /** Obeys nothing more, and ends when everything is answered. */
  finish(): void {
    this.#finishing = true;
    this.#writeSoon();
  }

  #listenForMore(): void {
    this.#cancel = undefined;
    if (!this.#stream.unsettled || this.#finishing) return;
    const rest = this.#lastIn + silence - this.#clock.now();
    // Whoever is not listened to is not silent.
    if (this.#paused || rest > 0) {
      this.#cancel = this.#clock.after(this.#paused ? silence : rest, () => this.#listenForMore());
    } else {
      this.#stream.settle();
      this.#obey();
    }
  }

  #writeSoon(): void {
    if (this.#writeDue) return;
    this.#writeDue = true;
    this.#clock.atEndOfTurn(() => {
      this.#writeDue = false;
      this.#write();
    });
  }

  /** All replies of the turn leave in one write. */
  #write(): void {
    if (!this.#open) return;
    const text = this.#replies.take();
    if (text !== "") this.#outlet.write(this.#outlet.framing.join([this.#outlet.framing.frame(text)]));
    if (this.#finishing && this.#replies.waiting === 0) this.#outlet.end(1000, "", false);
    else this.#holdBack();
  }

  /** A backend that does not read its replies, or asks faster than the journal keeps, waits. */
  #holdBack(): void {
    const { waiting } = this.#replies;
    const unread = this.#outlet.queued();
    if (!this.#paused && (waiting > mostWaiting || unread > mostUnread)) {
      this.#paused = true;
      this.#outlet.pause();
    } else if (this.#paused && waiting <= mostWaiting / 2 && unread === 0) {
      this.#paused = false;
      this.#lastIn = this.#clock.now();
      this.#outlet.resume();
    }
  }
}
