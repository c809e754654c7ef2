/** Checks every frame that a client reads, at once, against the truth. */
import { expect } from "bun:test";
import type { Selector } from "../../../src/ports.ts";
import type { Begin, Client, Slot, Told } from "./client.ts";
import { reaches, subjectOf, type Truth } from "./truth.ts";

export class Reader {
  readonly #truth: Truth;
  /** Readings are no older than what was delivered before them: not so with a far broker. */
  readonly #inOrder: boolean;

  constructor(truth: Truth, inOrder: boolean) {
    this.#truth = truth;
    this.#inOrder = inOrder;
  }

  reads(client: Client, told: Told): void {
    if (told.said === true) return;
    if (told.gap !== undefined) {
      for (const channel of told.gap) client.told.add(channel);
      return;
    }
    const slot = client.slots[Number(told.form)];
    if (slot === undefined) return;
    if (told.left === true) slot.mute = true;
    else if (told.begin !== undefined) {
      slot.mute = false;
      // The answer to what was given up since may be read late.
      if (slot.selector !== undefined && told.begin.token === slot.token) {
        this.#begins(client, slot, slot.selector, told.begin);
      }
    } else if (told.seq !== undefined) {
      expect(slot.mute, `${told.seq} comes before its beginning or after its end`).toBe(false);
      // What was on its way when it was given up may be read late.
      if (slot.selector !== undefined && slot.live) this.#hears(client, slot, slot.selector, told.seq);
    }
  }

  #begins(client: Client, slot: Slot, selector: Selector, begin: Begin): void {
    const from = slot.cursor;
    const named = begin.channels.map(({ channel }) => channel);
    const published = this.#truth.publications.filter(
      (one) => one.seq <= begin.seq && reaches([...selector.names, ...selector.patterns], one.channel),
    );
    expect(named).toEqual(expect.arrayContaining([...selector.names, ...published.map(({ channel }) => channel)]));
    slot.maps.clear();
    let gap = false;
    for (const { channel, as, seqs } of begin.channels) {
      const all = this.#truth.publications.filter((one) => one.channel === channel && one.seq <= begin.seq);
      const isMap = this.#truth.settingsOf(channel).kind === "map";
      const held = all.filter((one) => seqs.includes(one.seq));
      expect(seqs, `the order of ${channel}`).toEqual(held.map(({ seq }) => seq));
      if (as === "gap") gap = true;
      if (as === "missed") {
        const missed = all.filter((one) => one.seq > (from ?? 0)).map(({ seq }) => seq);
        expect(seqs, `what ${client.name} missed of ${channel} since ${from}`).toEqual(missed);
      } else if (isMap) {
        const map = this.#truth.mapAt(channel, begin.seq);
        expect(new Set(seqs), `the map ${channel}`).toEqual(new Set(map.values()));
      } else if (as === "history") {
        const last = this.#truth.held(channel, all, begin.time).slice(-2);
        expect(seqs, `history of ${channel}`).toEqual(last.map(({ seq }) => seq));
      }
      if (as === "gap") {
        const known = new Set(this.#truth.held(channel, all, begin.time));
        const missing = all.filter((one) => one.seq > (from ?? 0) && !known.has(one));
        expect(missing.length, `missing of ${channel}, of which a gap is told`).toBeGreaterThan(0);
        if (!isMap) expect(seqs, `what is left of ${channel}`).toEqual([...known].map(({ seq }) => seq));
      }
      if (isMap) slot.maps.set(channel, this.#truth.mapAt(channel, begin.seq));
    }
    expect(begin.gap, "a gap").toBe(gap);
    this.#grows(client, slot, begin.seq, begin.seq);
    slot.cursor = begin.seq;
    slot.live = true;
    slot.lost = false;
    slot.passed.clear();
  }

  #hears(client: Client, slot: Slot, selector: Selector, seq: number): void {
    if (slot.cursor === undefined) throw new Error("Cannot be live without a cursor");
    const publication = this.#truth.publications.find((one) => one.seq === seq);
    if (publication === undefined) throw new Error(`Cannot know ${seq}: nobody published it`);
    expect(
      reaches([...selector.names, ...selector.patterns], publication.channel),
      `${publication.channel} is for ${selector.id}`,
    ).toBe(true);
    expect(seq, `what ${client.name} hears of ${selector.id} after ${slot.cursor}`).toBeGreaterThan(slot.cursor);
    this.#passOver(client, slot, selector, seq);
    this.#grows(client, slot, seq, seq - 1);
    slot.cursor = seq;
    const subject = subjectOf(publication);
    slot.passed.delete(subject);
    const { channel, key } = publication;
    if (key === undefined) return;
    let map = slot.maps.get(channel);
    if (map === undefined) {
      map = new Map();
      slot.maps.set(channel, map);
    }
    if (publication.removed === true) map.delete(key);
    else map.set(key, seq);
  }

  /** What lies between the last one and this: nothing, but for channels whose policy is to lose. */
  #passOver(client: Client, slot: Slot, selector: Selector, seq: number): void {
    for (const one of this.#truth.owed(slot, selector)) {
      if (one.seq >= seq) break;
      const { queue } = this.#truth.settingsOf(one.channel);
      if (queue === "latest" && client.lagged) slot.passed.set(subjectOf(one), one.seq);
      else {
        const excused = queue === "drop-oldest" && client.told.has(one.channel);
        expect(excused ? "excused" : one.seq, `${one.channel} is missing before ${seq}`).toBe("excused");
        slot.lost = true;
      }
    }
  }

  /** A cursor says that all before it was heard, on all of the session's subscriptions. */
  #grows(client: Client, of: Slot, cursor: number, all: number): void {
    // Readings of a far broker may be older than what other subscriptions of the session have heard meanwhile.
    if (this.#inOrder) expect(cursor, "the session's cursor").toBeGreaterThanOrEqual(client.highest);
    client.highest = cursor;
    for (const slot of client.slots) {
      if (slot === of || !slot.live || slot.selector === undefined) continue;
      const next = this.#truth
        .owed(slot, slot.selector)
        .find(({ channel, seq }) => seq <= all && this.#truth.settingsOf(channel).queue === "disconnect");
      expect(next?.seq, `client ${client.name} has cursor ${cursor}, and still lacks`).toBeUndefined();
    }
  }
}
