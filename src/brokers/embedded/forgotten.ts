import { isPattern } from "../../core/channels.ts";

/** More first levels than that are not told apart. */
const mostLevels = 1000;

/**
 * What is known of channels that are not held any more: the newest `seq` that one of them had. By first levels, so that rooms
 * that come and go take nobody's place in a house that stays.
 */
export class Forgotten {
  readonly #newest = new Map<string, number>();
  #newestOfAll = 0;
  /** Of levels that are not told apart. */
  #newestOfOthers = 0;

  note(channel: string, seq: number): void {
    const level = firstLevel(channel);
    if (this.#newest.size >= mostLevels && !this.#newest.has(level)) {
      this.#newestOfOthers = this.#newestOfAll;
      this.#newest.clear();
    }
    this.#newest.set(level, Math.max(seq, this.#newestOf(level)));
    this.#newestOfAll = Math.max(seq, this.#newestOfAll);
  }

  /** The newest `seq` that may have been forgotten with a channel of this name or pattern. */
  newest(name: string): number {
    const level = firstLevel(name);
    return isPattern(level) ? this.#newestOfAll : this.#newestOf(level);
  }

  #newestOf(level: string): number {
    return this.#newest.get(level) ?? this.#newestOfOthers;
  }
}

function firstLevel(name: string): string {
  const end = name.indexOf("/");
  return end === -1 ? name : name.slice(0, end);
}
