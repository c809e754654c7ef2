/** A client of the model, what it knows, and what it is told. */
import { expect } from "bun:test";
import { Form } from "../../../src/core/form.ts";
import type { AnySession } from "../../../src/core/session.ts";
import type { ChannelReading, Frame, Publication, Reading, Selector } from "../../../src/ports.ts";
import { type FakeOutlet, lineFraming } from "../../fakes/outlet.ts";
import { slots } from "./life.ts";

export interface Told {
  readonly form: string;
  readonly seq?: number;
  readonly begin?: Begin;
  readonly left?: true;
  readonly gap?: readonly string[];
  readonly said?: true;
}

export interface Begin {
  readonly token: number;
  readonly seq: number;
  readonly time: number;
  readonly gap: boolean;
  readonly channels: readonly {
    readonly channel: string;
    readonly as: ChannelReading["as"];
    readonly seqs: readonly number[];
  }[];
}

export class SlotForm extends Form {
  readonly #isTelling: () => boolean;
  readonly #encoded = new Map<number, number>();

  /** Whether the hub tells those who are live just now. */
  constructor(id: string, isTelling: () => boolean) {
    super(id, lineFraming);
    this.#isTelling = isTelling;
  }
  protected encode({ seq }: Publication): Frame {
    if (this.#isTelling()) {
      const times = (this.#encoded.get(seq) ?? 0) + 1;
      expect(times, `times that ${seq} was encoded as ${this.id} for those who are live`).toBe(1);
      this.#encoded.set(seq, times);
    }
    return JSON.stringify({ form: this.id, seq } satisfies Told);
  }
  override gap(lost: readonly string[]): Frame {
    return JSON.stringify({ form: this.id, gap: lost } satisfies Told);
  }
}

/** What a client knows of one of its subscriptions; outlives its sessions. */
export class Slot {
  selector: Selector | undefined;
  /** Which subscribing the next beginning must answer. */
  token = 0;
  live = false;
  /** Nothing of it may come before its beginning, nor after the word that it was given up. */
  mute = true;
  cursor: number | undefined;
  /** Of each `late` subject that was passed over: the newest seq, until something newer of it has come. */
  readonly passed = new Map<string, number>();
  readonly maps = new Map<string, Map<string, number>>();
  lost = false;
}

export class Client {
  readonly name: number;
  readonly slots = Array.from({ length: slots }, () => new Slot());
  session: AnySession | undefined;
  outlet: FakeOutlet | undefined;
  /** The highest cursor of this session. */
  highest = 0;
  /** Whether it ever stopped reading in this session. */
  lagged = false;
  /** Channels that a notice said were lost of, until it is clear what. */
  readonly told = new Set<string>();
  /** Writes since the hub last handed out. */
  writes = 0;

  constructor(name: number) {
    this.name = name;
  }
}

export function beginOf(token: number, time: number, { position, gap, channels: readings }: Reading): Begin {
  return {
    token,
    time,
    seq: position.seq,
    gap,
    channels: readings.map(({ channel, as, publications }) => ({
      channel,
      as,
      seqs: publications.map(({ seq }) => seq),
    })),
  };
}
