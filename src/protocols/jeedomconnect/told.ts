/**
 * What one phone was told of each command that it shows. Two tell of them: the plugin in its answers, and the house in its
 * events. One rule: of two entries that is newer which is so as of a later time of Jeedom's, an event as of its own and an
 * answer as of its DATETIME. What is not newer than what the phone has, and what says the same, is not told. Pure.
 */
import type { JsonText } from "../../ports.ts";
import type { Change } from "./change.ts";
import { type Entry, readEntry } from "./entry.ts";

/** An entry that the phone has, and as of when, in seconds; 0: before anything that is heard from now on. */
interface Said {
  readonly entry: Entry;
  readonly at: number;
}

/** What is to be told now. */
export interface Due {
  readonly texts: readonly JsonText[];
  /** Of some command only the plugin can say what is new. */
  readonly lacks: boolean;
}

export class Told {
  /** Grows when what the phone has is another: an answer to what was asked before is none about that. */
  edition = 0;
  readonly #said = new Map<string, Said>();
  /** The newest change of each command that was not looked at yet. */
  readonly #coming = new Map<string, Change>();
  /** Told by what may still turn out not to have arrived; and what turned out so. */
  readonly #onTheWay = new Set<string>();
  readonly #again = new Set<string>();
  #isKnown = false;
  #isSettled = false;

  /** Whether it is known what the phone shows. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Whether the plugin has told all since what the phone has: from here on changes can be told as they come. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** The phone has exactly this. */
  begin(entries: readonly JsonText[]): void {
    this.lose();
    for (const text of entries) {
      const entry = readEntry(text);
      if (entry !== undefined) this.#said.set(entry.id, { entry, at: 0 });
    }
    this.#isKnown = true;
  }

  /** Nobody knows what the phone has. */
  lose(): void {
    this.edition++;
    this.#isKnown = false;
    this.#isSettled = false;
    for (const all of [this.#said, this.#coming, this.#again, this.#onTheWay]) all.clear();
  }

  /** Changes were missed, or Jeedom's clock was put back: whatever is told from here on is newer than what the phone has. */
  miss(): void {
    for (const [id, { entry }] of this.#said) this.#said.set(id, { entry, at: 0 });
    this.#coming.clear();
    this.unsettle();
  }

  /** The phone was not told of some changes: nothing is before the plugin has told what it knows. */
  unsettle(): void {
    this.edition++;
    this.#isSettled = false;
  }

  /** Something happened. The answer is whether the phone shows it. */
  hear(change: Change): boolean {
    if (!this.#said.has(change.id)) return false;
    const coming = this.#coming.get(change.id);
    if (coming === undefined || coming.at < change.at) this.#coming.set(change.id, change);
    return true;
  }

  /**
   * The plugin's answer as of `at`, in seconds, asked for since the phone has what it has. What comes back is what of it is to
   * be told.
   */
  take(entries: readonly JsonText[], at: number): readonly JsonText[] {
    this.#isSettled = true;
    return entries.filter((text) => {
      const entry = readEntry(text);
      if (entry === undefined) return true;
      const { id } = entry;
      const said = this.#said.get(id);
      if (said !== undefined && said.at > at) return false;
      this.#said.set(id, { entry, at });
      const isNews = !entry.isDated || entry.text !== said?.entry.text;
      if (isNews) this.#tell(id);
      return isNews;
    });
  }

  /** What is to be told of what happened, as `word` says it after the entry that the phone has. */
  due(word: (entry: Entry, change: Change) => Entry | undefined): Due {
    if (!this.#isSettled) return { texts: [], lacks: false };
    let lacks = false;
    const texts: JsonText[] = [];
    for (const [id, change] of this.#coming) {
      const said = this.#said.get(id);
      if (said === undefined || said.at >= change.at) continue;
      const entry = word(said.entry, change);
      lacks ||= entry === undefined;
      if (entry === undefined) continue;
      const isNews = entry.text !== said.entry.text;
      this.#said.set(id, { entry, at: change.at });
      if (!isNews) continue;
      this.#tell(id);
      texts.push(entry.text);
    }
    this.#coming.clear();
    for (const id of this.#again) {
      const said = this.#said.get(id);
      if (said !== undefined) texts.push(said.entry.text);
      this.#tell(id);
    }
    return { texts, lacks };
  }

  /** The phone has got what it was told. */
  arrived(): void {
    this.#onTheWay.clear();
  }

  /** It has not: it is told again, as it is then. */
  vanished(): void {
    for (const id of this.#onTheWay) this.#again.add(id);
    this.#onTheWay.clear();
  }

  #tell(id: string): void {
    this.#again.delete(id);
    this.#onTheWay.add(id);
  }
}
