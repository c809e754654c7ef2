/** What is kept of registered devices: their channels, and how far they have heard. */

import { cursorText, parseCursor } from "../../core/cursor.ts";
import { inboxOf } from "../../core/own-channels.ts";
import type { DeviceRecord, DeviceStore, Past, Position } from "../../ports.ts";

/** Settings with this prefix and a channel say since when a device that was away is subscribed to it. */
const since = "unix-socket/since/";
/** All that an inbox can hold. */
const wholeInbox = 1_000_000;
const fromNow: Past = { from: "now", history: 0 };

export class Registry {
  readonly #store: DeviceStore;
  readonly #run: string;

  constructor(store: DeviceStore, run: string) {
    this.#store = store;
    this.#run = run;
  }

  knows(id: string): boolean {
    return this.#store.find(id) !== undefined;
  }

  channels(id: string): readonly string[] {
    return this.#store.find(id)?.channels ?? [];
  }

  /** Keeps the subscription; `seq`: the position from which on it counts. */
  subscribe(id: string, channel: string, seq: number): void {
    const record = this.#store.find(id);
    if (record === undefined || record.channels.includes(channel)) return;
    const settings = { ...record.settings, [since + channel]: cursorText(this.#run, seq) };
    this.#store.put({ ...record, channels: [...record.channels, channel], settings });
  }

  unsubscribe(id: string, channel: string): void {
    const record = this.#store.find(id);
    if (record === undefined || !record.channels.includes(channel)) return;
    const { [since + channel]: _, ...settings } = record.settings;
    this.#store.put({ ...record, channels: record.channels.filter((other) => other !== channel), settings });
  }

  /** Where a device that comes goes on in one of its channels. */
  past(id: string, channel: string): Past {
    const record = this.#store.find(id);
    if (record === undefined) return fromNow;
    const subscribed = positionOf(record.settings[since + channel]);
    const heard = positionOf(record.cursor);
    const position = subscribed !== undefined && !this.#isAfter(heard, subscribed) ? subscribed : heard;
    if (position !== undefined) return { from: "position", position };
    // It was never here, but its inbox was there for it.
    return channel === inboxOf(id) ? { from: "now", history: wholeInbox } : fromNow;
  }

  /** The device has heard everything up to `seq`. A position never goes back: an old connection may end after a new one. */
  keep(id: string, seq: number): void {
    const record = this.#store.find(id);
    if (record === undefined) return;
    const position = { run: this.#run, seq };
    const heard = positionOf(record.cursor);
    if (heard?.run === position.run && heard.seq >= seq) return;
    const settings = Object.entries(record.settings).filter(
      ([name, text]) => !name.startsWith(since) || !this.#isAfter(position, positionOf(text)),
    );
    this.#store.put({ ...record, cursor: cursorText(this.#run, seq), settings: Object.fromEntries(settings) });
  }

  /** Notes that the device was here. */
  seen(id: string, time: number): void {
    const record = this.#store.find(id);
    if (record !== undefined) this.#store.put({ ...record, lastSeen: time });
  }

  /** Whether `one` is at or after `other`. Positions of earlier runs are before all of this one. */
  #isAfter(one: Position | undefined, other: Position | undefined): boolean {
    if (one === undefined || other === undefined) return other === undefined;
    if (one.run === other.run) return one.seq >= other.seq;
    return one.run === this.#run;
  }
}

function positionOf(cursor: DeviceRecord["cursor"]): Position | undefined {
  return cursor === undefined ? undefined : parseCursor(cursor);
}
