import type { ChannelKind } from "../ports.ts";
import type { Trim } from "./journal-messages.ts";

/** A channel as the journal's worker knows it. */
export interface ChannelState {
  readonly id: number;
  readonly name: string;
  kind: ChannelKind;
  readonly since: number;
  offset: number;
  /** What the history no longer needs. */
  trimmedOffset: number;
  trimmedSeq: number;
  /** `trimmedSeq` as it stands in the file. Only rows up to here may be deleted. */
  savedTrimmedSeq: number;
  /** Of a map: the `seq` of each key's value. */
  readonly values: Map<string, number>;
}

/** All channels of a journal, and how many of its rows are still wanted. */
export class JournalChannels {
  readonly byName = new Map<string, ChannelState>();
  /** With those that are forgotten and still have a row in the file. */
  readonly byId = new Map<number, ChannelState>();
  /** Trimmed since that was last written down. */
  readonly unsaved = new Set<ChannelState>();
  /** To be taken out of the file with the next transaction. */
  readonly forgotten = new Set<ChannelState>();
  rows = 0;
  /** An estimate. */
  spent = 0;

  add(channel: ChannelState): void {
    const older = this.byName.get(channel.name);
    if (older !== undefined) this.forget(channel.name);
    this.byName.set(channel.name, channel);
    this.byId.set(channel.id, channel);
  }

  /** Notes a row that is in the file. */
  note(channel: ChannelState, offset: number, seq: number, key: string | null | undefined, removed: boolean): void {
    this.rows++;
    if (offset > channel.offset) channel.offset = offset;
    if (offset <= channel.trimmedOffset) this.spent++;
    if (channel.kind !== "map" || key === null || key === undefined) return;
    // Its older value was kept for the map alone.
    if ((channel.values.get(key) ?? Number.POSITIVE_INFINITY) <= channel.trimmedSeq) this.spent++;
    if (removed) channel.values.delete(key);
    else channel.values.set(key, seq);
  }

  /** Notes a row whose channel is forgotten. */
  noteOrphan(): void {
    this.rows++;
    this.spent++;
  }

  /** A map that becomes a stream has no values; a stream that becomes a map has none yet. */
  changeKind(channel: ChannelState, kind: ChannelKind): void {
    channel.kind = kind;
    this.spent += channel.values.size;
    channel.values.clear();
  }

  trim([name, offset, seq]: Trim): void {
    const channel = this.byName.get(name);
    if (channel === undefined || offset <= channel.trimmedOffset) return;
    this.spent += offset - channel.trimmedOffset;
    channel.trimmedOffset = offset;
    channel.trimmedSeq = Math.max(seq, channel.trimmedSeq);
    this.unsaved.add(channel);
  }

  forget(name: string): void {
    const channel = this.byName.get(name);
    if (channel === undefined) return;
    this.byName.delete(name);
    this.unsaved.delete(channel);
    this.forgotten.add(channel);
    this.spent += channel.offset - channel.trimmedOffset + channel.values.size;
  }

  /** They are out of the file: their rows are nobody's. */
  gone(channels: Iterable<ChannelState>): void {
    for (const channel of channels) {
      this.forgotten.delete(channel);
      this.byId.delete(channel.id);
    }
  }

  /** Whether nobody wants a row any more. */
  isSpent(id: number, seq: number, key: string | null): boolean {
    const channel = this.byId.get(id);
    if (channel === undefined) return true;
    return seq <= channel.savedTrimmedSeq && (key === null || channel.values.get(key) !== seq);
  }
}
