/** What the peer side hears of a Jeedom, and asks it. The bridge implements it: Jeedom is asked once, however many listen. */
import type { JsonText } from "../../ports.ts";

/** What an event is about, named as the map channel that has it. */
export interface Subject {
  readonly kind: "commands" | "equipments" | "objects" | "scenarios";
  readonly id: string;
}

export interface JeedomEvent {
  /** As Jeedom wrote it, on one line: `{"datetime","name","option"}`. */
  readonly text: JsonText;
  /** In seconds since the epoch, by Jeedom's clock. */
  readonly datetime: number;
  readonly name: string;
  /** Absent where it is about nothing that a user has rights for. */
  readonly subject?: Subject;
}

/** One answer of Jeedom's without what earlier ones had; never empty. */
export interface Batch {
  /** As Jeedom wrote it: a number, or a text that holds one. */
  readonly datetime: JsonText;
  readonly events: readonly JeedomEvent[];
}

/** What was heard since a time. */
export interface Replay {
  /** In order. Of the first, only what is newer than the time. */
  readonly batches: readonly Batch[];
  /** Nothing is missing: the kept history reaches back to the time, and Jeedom was heard all the while. */
  readonly complete: boolean;
}

/** What a user may see. */
export interface Sight {
  /** The same for the same rights: a batch is worded once for all who have them. */
  readonly id: string;
  sees(event: JeedomEvent): boolean;
}

export interface JeedomUpstream {
  /** The bridge's name. */
  readonly name: string;
  /**
   * Told of every batch, in order, until the answer is called. Whoever hears keeps a bridge awake that rests while
   * nobody listens, so this is for the time in which there are peers only.
   */
  hear(ears: (batch: Batch) => void): () => void;
  /** What was heard after `since`, in seconds by Jeedom's clock; joins what `hear` tells from now on without a seam. */
  replay(since: number): Replay;
  /**
   * What the owner of a key may see; nothing where it is no key of an enabled user. Jeedom is asked at most once per
   * key and minute. Rejects (`Refused`, 108) while Jeedom cannot be asked.
   */
  check(key: string): Promise<Sight | undefined>;
  /** Host names, in lower case: that of the bridge's `url`, and Jeedom's internal and external address as far as known. */
  readonly hosts: readonly string[];
}
