/** What a run of tests says: kept whole, and shown at once or later. */
export class Output {
  text = "";
  #shown;

  /** @param {boolean} shown */
  constructor(shown) {
    this.#shown = shown;
  }

  /** @param {string} text */
  add(text) {
    this.text += text;
    if (this.#shown) process.stdout.write(text);
  }

  /** @param {string} text */
  line(text) {
    this.add(`${text}\n`);
  }

  show() {
    process.stdout.write(this.text);
    this.#shown = true;
  }
}
