/** What was published, and what follows from it for whoever listens. */
import { expect } from "bun:test";
import { matches } from "../../../src/core/channels.ts";
import type { Publication, Selector, SettingsOf } from "../../../src/ports.ts";
import type { Client, Slot } from "./client.ts";

/** What a publisher wants. */
export interface Wanted {
  readonly channel: string;
  readonly data: string;
  readonly key: string;
  readonly removed: boolean;
  /** There was nothing to remove. */
  idle: boolean;
}

export class Truth {
  /** In the order of the broker. */
  readonly publications: readonly Publication[];
  readonly settingsOf: SettingsOf;

  constructor(publications: readonly Publication[], settingsOf: SettingsOf) {
    this.publications = publications;
    this.settingsOf = settingsOf;
  }

  /** Numbers grow; each channel has what its publishers wanted, in their order; its map is what comes of it. */
  verifyOrder(all: readonly Wanted[]): void {
    const seqs = this.publications.map(({ seq }) => seq);
    expect(seqs, "seq in the order of delivery").toEqual([...new Set(seqs)].sort((a, b) => a - b));
    for (const channel of new Set(this.publications.map((publication) => publication.channel))) {
      const had = this.publications.filter((publication) => publication.channel === channel);
      const wanted = all.filter((publication) => publication.channel === channel);
      const published = wanted.filter(({ idle }) => !idle).map(({ data }) => data);
      expect(
        had.map(({ data }) => data),
        `publications of ${channel}`,
      ).toEqual(published);
      expect(had.map(({ offset }) => offset)).toEqual(had.map((_, at) => at + 1));
      if (this.settingsOf(channel).kind !== "map") continue;
      const map = new Map<string, string>();
      for (const { key, removed, data } of wanted) {
        if (removed) map.delete(key);
        else map.set(key, data);
      }
      const made = Array.from(this.mapAt(channel, Number.POSITIVE_INFINITY), ([key, seq]) => {
        return [key, this.publications.find((one) => one.seq === seq)?.data];
      });
      expect(Object.fromEntries(made), `what its publishers made of ${channel}`).toEqual(Object.fromEntries(map));
    }
  }

  owed(slot: Slot, selector: Selector): Publication[] {
    return this.publications.filter(
      ({ seq, channel }) => seq > (slot.cursor ?? 0) && reaches([...selector.names, ...selector.patterns], channel),
    );
  }

  next(client: Client, slot: Slot, selector: Selector): Publication | undefined {
    return this.owed(slot, selector).find(({ channel }) => !client.told.has(channel));
  }

  mapAt(channel: string, seq: number): Map<string, number> {
    const map = new Map<string, number>();
    for (const one of this.publications) {
      if (one.channel !== channel || one.seq > seq || one.key === undefined) continue;
      if (one.removed === true) map.delete(one.key);
      else map.set(one.key, one.seq);
    }
    return map;
  }

  /** What history still has of a channel's publications. */
  held(channel: string, all: readonly Publication[], now: number): Publication[] {
    const { size, ttl } = this.settingsOf(channel).history;
    return size === 0 ? [] : all.slice(-size).filter(({ time }) => time >= now - ttl);
  }
}

export function reaches(parts: readonly string[], channel: string): boolean {
  return parts.some((part) => matches(part, channel));
}

export function subjectOf({ channel, key }: Publication): string {
  return `${channel} ${key}`;
}
