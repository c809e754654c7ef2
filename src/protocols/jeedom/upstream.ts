/** What the peer side asks of a Jeedom; the events it hears are publications. The bridge implements it. */
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

/** What a user may see. */
export interface Sight {
  /** The same for the same rights: events are worded once for all who have them. */
  readonly id: string;
  sees(event: JeedomEvent): boolean;
}

export interface JeedomUpstream {
  /** The bridge's name. */
  readonly name: string;
  /**
   * What the owner of a key may see; nothing where it is no key of an enabled user. Jeedom is asked at most once per
   * key and minute. Rejects (`Refused`, 108) while Jeedom cannot be asked.
   */
  check(key: string): Promise<Sight | undefined>;
  /** Host names, in lower case: that of the bridge's `url`, and Jeedom's internal and external address as far as known. */
  readonly hosts: readonly string[];
}
