/**
 * A quick hash of texts for tables: the sum of each unit times a key of its own (multilinear hashing). Nobody who does not know
 * the keys can choose texts that meet: of texts of up to 256 units two meet for one key in 131,072 at most, and two of ASCII for one in
 * 67 million, since a difference that 2^n divides at most is times an odd number what the key's lowest 32 - n bits say. Pure.
 */

/** Later units of a text share keys with earlier ones. A power of two. */
const keyCount = 256;
const keyMask = keyCount - 1;

export class KeyedHash {
  readonly #keys = new Int32Array(keyCount);

  constructor(key: string) {
    const state = Uint32Array.from([1, 2, 3, 4], (start) => mixed(key, start));
    // What comes first still shows what the state was made of.
    for (let skipped = 0; skipped < 16; skipped++) draw(state);
    for (let at = 0; at < keyCount; at++) this.#keys[at] = draw(state);
  }

  /** 32 bits, with a sign. */
  of(text: string): number {
    const keys = this.#keys;
    const { length } = text;
    let sum = length;
    for (let at = 0; at < length; at++) sum = (sum + Math.imul(text.charCodeAt(at), keys[at & keyMask] as number)) | 0;
    // So that tables may take the lowest bits.
    sum = Math.imul(sum ^ (sum >>> 16), 0x85ebca6b);
    sum = Math.imul(sum ^ (sum >>> 13), 0xc2b2ae35);
    return sum ^ (sum >>> 16);
  }
}

/** The next 32 bits of the small generator sfc32. */
function draw(state: Uint32Array): number {
  const [a = 0, b = 0, c = 0, counter = 0] = state;
  const drawn = (a + b + counter) >>> 0;
  state[0] = b ^ (b >>> 9);
  state[1] = c + (c << 3);
  state[2] = ((c << 21) | (c >>> 11)) + drawn;
  state[3] = counter + 1;
  return drawn;
}

function mixed(text: string, start: number): number {
  let hash = start;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x5bd1e995);
    hash ^= hash >>> 15;
  }
  return hash;
}
