/**
 * The last items of something, oldest first: a ring that grows up to what it may hold. What it lets go of it does not
 * refer to any more, and what it takes in then lies where the old one lay.
 */
export class Ring<T extends object> {
  readonly #most: number;
  #items: (T | undefined)[] = [];
  #first = 0;
  #length = 0;

  /** It holds at least one item. */
  constructor(most: number) {
    this.#most = Math.max(1, most);
  }

  get length(): number {
    return this.#length;
  }

  /** For how many items there is room already. */
  get room(): number {
    return this.#items.length;
  }

  get full(): boolean {
    return this.#length === this.#most;
  }

  /** The item with `index` before it; undefined where there is none. */
  at(index: number): T | undefined {
    return index >= 0 && index < this.#length ? this.#items[this.#placeOf(index)] : undefined;
  }

  /** Adds the newest. A full ring lets go of the oldest for it. */
  push(item: T): void {
    if (this.full) this.shift();
    // While it has never wrapped, the list grows as the runtime lets lists grow.
    if (this.#first === 0 && this.#length === this.#items.length) this.#items.push(item);
    else {
      if (this.#length === this.#items.length) this.#unwind();
      this.#items[this.#placeOf(this.#length)] = item;
    }
    this.#length++;
  }

  /** Lets go of the oldest. */
  shift(): void {
    if (this.#length === 0) return;
    this.#items[this.#first] = undefined;
    this.#length--;
    this.#first = this.#length === 0 ? 0 : this.#placeOf(1);
  }

  /** Items from `start` to before `end`, as `Array.slice` for indices from 0. */
  slice(start: number, end = this.#length): T[] {
    const items: T[] = [];
    for (let index = Math.max(0, start); index < Math.min(end, this.#length); index++) {
      const item = this.at(index);
      if (item !== undefined) items.push(item);
    }
    return items;
  }

  #placeOf(index: number): number {
    const place = this.#first + index;
    return place < this.#items.length ? place : place - this.#items.length;
  }

  /** Begins the list with the oldest again, and with room behind the newest. */
  #unwind(): void {
    const items: (T | undefined)[] = this.slice(0);
    items.length = Math.min(this.#most, items.length * 2);
    this.#items = items.fill(undefined, this.#length);
    this.#first = 0;
  }
}
