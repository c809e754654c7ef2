/** The last numbers of something, oldest first: a ring that grows up to what it may hold. */
export class Ring {
  readonly #most: number;
  #numbers: number[] = [];
  #first = 0;
  #length = 0;

  /** It holds at least one number. */
  constructor(most: number) {
    this.#most = Math.max(1, most);
  }

  get length(): number {
    return this.#length;
  }

  get full(): boolean {
    return this.#length === this.#most;
  }

  /** The number with `index` before it; undefined where there is none. */
  at(index: number): number | undefined {
    return index >= 0 && index < this.#length ? this.#numbers[this.#placeOf(index)] : undefined;
  }

  /** Adds the newest. A full ring lets go of the oldest for it. */
  push(number: number): void {
    if (this.full) this.shift();
    // While it has never wrapped, the list grows as the runtime lets lists grow.
    if (this.#first === 0 && this.#length === this.#numbers.length) this.#numbers.push(number);
    else {
      if (this.#length === this.#numbers.length) this.#unwind();
      this.#numbers[this.#placeOf(this.#length)] = number;
    }
    this.#length++;
  }

  /** Lets go of the oldest. */
  shift(): void {
    if (this.#length === 0) return;
    this.#length--;
    this.#first = this.#length === 0 ? 0 : this.#placeOf(1);
  }

  /** How many of them are `number` at most, where they grow. */
  countUpTo(number: number): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.at(middle) as number) > number) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** All of them, for a ring of another size. */
  *[Symbol.iterator](): Generator<number, undefined> {
    for (let index = 0; index < this.#length; index++) yield this.at(index) as number;
  }

  #placeOf(index: number): number {
    const place = this.#first + index;
    return place < this.#numbers.length ? place : place - this.#numbers.length;
  }

  /** Begins the list with the oldest again, and with room behind the newest. */
  #unwind(): void {
    const room = Math.min(this.#most, this.#length * 2) - this.#length;
    this.#numbers = [...this, ...new Array<number>(room).fill(0)];
    this.#first = 0;
  }
}
