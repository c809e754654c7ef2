/** A quick hash of short texts for tables, with a key, so that nobody who does not know it can choose texts that meet. Pure. */

export class KeyedHash {
  readonly #start: number;
  readonly #factor: number;

  constructor(key: string) {
    this.#start = mixed(key, 1, 0x5bd1e995);
    this.#factor = mixed(key, 2, 0x5bd1e995) | 1;
  }

  /** 32 bits, with a sign. */
  of(text: string): number {
    return mixed(text, this.#start, this.#factor);
  }
}

function mixed(text: string, start: number, factor: number): number {
  let hash = start;
  // Two at a time: each step waits for the one before.
  for (let at = 0; at < text.length; at += 2) {
    const second = at + 1 < text.length ? text.charCodeAt(at + 1) << 16 : 0;
    hash = Math.imul(hash ^ text.charCodeAt(at) ^ second, factor);
    hash ^= hash >>> 15;
  }
  return hash;
}
