import type { JournalChannel, Publication } from "../ports.ts";
import type { KeptChannel, KeptRow } from "./journal-messages.ts";

interface Loading {
  readonly kept: KeptChannel;
  offset: number;
  readonly publications: Publication[];
  readonly values: Map<string, Publication>;
}

/** Puts what the worker reads at start back together, channel by channel. */
export class JournalLoading {
  readonly #channels = new Map<number, Loading>();

  addChannels(channels: readonly KeptChannel[]): void {
    for (const kept of channels) {
      this.#channels.set(kept.id, { kept, offset: kept.offset, publications: [], values: new Map() });
    }
  }

  /** In the order of `seq`. */
  addRows(rows: readonly KeptRow[]): void {
    for (const row of rows) {
      const channel = this.#channels.get(row[0]);
      if (channel === undefined) continue;
      const publication = publicationOf(channel.kept.name, row);
      const { offset, key } = publication;
      channel.offset = Math.max(channel.offset, offset);
      // Older ones are still there as the value of their key, or because nobody has swept yet.
      if (offset > channel.kept.trimmedOffset) channel.publications.push(publication);
      if (channel.kept.kind !== "map" || key === undefined) continue;
      // Deleted first, so that the entries are in the order of their offsets.
      channel.values.delete(key);
      if (publication.removed !== true) channel.values.set(key, publication);
    }
  }

  /** The name of a channel of which a publication is missing, if there is one: all are in a file that is whole. */
  get incomplete(): string | undefined {
    for (const { kept, offset, publications } of this.#channels.values()) {
      if (publications.length !== Math.max(0, offset - kept.trimmedOffset)) return kept.name;
    }
    return undefined;
  }

  /** Lets go of each channel as it is handed over. */
  *take(): Iterable<JournalChannel> {
    for (const [id, { kept, offset, publications, values }] of this.#channels) {
      this.#channels.delete(id);
      const { name, kind, since, trimmedSeq } = kept;
      yield { channel: name, kind, since, offset, trimmedSeq, publications, entries: [...values.values()] };
    }
  }
}

function publicationOf(channel: string, row: KeptRow): Publication {
  const [, offset, seq, time, key, removed, data, tags, info] = row;
  const plain = { channel, offset, seq, time, data };
  if (key === null && tags === null && info === null) return plain;
  return {
    ...plain,
    ...(key === null ? undefined : { key }),
    ...(removed === null ? undefined : { removed: true }),
    ...(tags === null ? undefined : { tags: JSON.parse(tags) as Record<string, string> }),
    ...(info === null ? undefined : { info }),
  };
}
