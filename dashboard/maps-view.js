/** Map channels as tables: one for each channel, one row for each key. */
import { byId, clockTime, counted, element, valueElement } from "./values.js";

/** @import { Publication } from "./wire.js" */

/**
 * @typedef {object} Table
 * @property {Map<string, HTMLTableRowElement>} rows
 * @property {HTMLDetailsElement} whole
 * @property {HTMLTableSectionElement} body
 * @property {HTMLElement} count
 */

export class MapsView {
  #section = byId("maps", HTMLElement);
  #empty = byId("maps-empty", HTMLElement);
  /** @type {Map<string, Table>} */
  #tables = new Map();
  /** The newest of each key since the last picture. @type {Map<string, Publication>} */
  #changed = new Map();
  #edit;

  /** @param {(channel: string, key: string, data: unknown) => void} edit what to do with a row that is chosen */
  constructor(edit) {
    this.#edit = edit;
  }

  /** @param {Publication} publication */
  add(publication) {
    if (publication.key !== undefined) this.#changed.set(`${publication.channel} ${publication.key}`, publication);
  }

  /** These channels begin anew; a pattern stands for all. @param {readonly string[]} channels */
  forget(channels) {
    const all = channels.some((channel) => channel.includes("*"));
    for (const [channel, table] of this.#tables) {
      if (!all && !channels.includes(channel)) continue;
      table.rows.clear();
      table.body.replaceChildren();
    }
    for (const [name, { channel }] of this.#changed) if (all || channels.includes(channel)) this.#changed.delete(name);
  }

  clear() {
    this.#tables.clear();
    this.#changed.clear();
    this.#section.replaceChildren();
    this.#section.hidden = true;
    this.#empty.hidden = false;
  }

  draw() {
    if (this.#changed.size === 0) return;
    for (const publication of this.#changed.values()) this.#apply(publication);
    this.#changed.clear();
    for (const { rows, count } of this.#tables.values()) count.textContent = counted(rows.size, "key");
    this.#section.hidden = false;
    this.#empty.hidden = true;
  }

  /** @param {Publication} publication */
  #apply({ channel, key = "", data, removed, time }) {
    const table = this.#tables.get(channel) ?? this.#begin(channel);
    const row = table.rows.get(key);
    if (removed) {
      row?.remove();
      table.rows.delete(key);
      return;
    }
    const [value, changed, chosen] = row === undefined ? this.#row(table, key) : [...row.cells].slice(1);
    value?.replaceChildren(valueElement(data, key));
    if (changed !== undefined) changed.textContent = clockTime(time);
    const button = chosen?.querySelector("button");
    if (button) button.onclick = () => this.#edit(channel, key, data);
    if (row !== undefined) flash(row);
  }

  /** @param {string} channel */
  #begin(channel) {
    const whole = element("details", "card map");
    whole.open = true;
    const summary = element("summary", "", whole);
    element("h2", "", summary).textContent = channel;
    const count = element("span", "hint", summary);
    const scroller = element("div", "scroller", whole);
    const table = element("table", "", scroller);
    table.setAttribute("aria-label", channel);
    const head = table.createTHead().insertRow();
    for (const title of ["Key", "Value", "Changed", ""]) {
      const cell = element("th", "", head);
      cell.scope = "col";
      cell.textContent = title;
    }
    const made = { rows: new Map(), whole, body: table.createTBody(), count };
    this.#tables.set(channel, made);
    const next = [...this.#tables.keys()].sort().find((name) => name > channel);
    this.#section.insertBefore(whole, next === undefined ? null : (this.#tables.get(next)?.whole ?? null));
    return made;
  }

  /** A new row, in its place by key. @param {Table} table @param {string} key */
  #row({ rows, body }, key) {
    const row = document.createElement("tr");
    const head = element("th", "key", row);
    head.scope = "row";
    head.textContent = key;
    const cells = ["", "changed", "choose"].map((name) => element("td", name, row));
    const button = element("button", "quiet", cells[2]);
    button.type = "button";
    button.textContent = "Edit";
    button.setAttribute("aria-label", `Edit ${key}`);
    const next = [...rows.keys()].filter((name) => name > key).sort()[0];
    body.insertBefore(row, next === undefined ? null : (rows.get(next) ?? null));
    rows.set(key, row);
    return cells;
  }
}

/** Starts the animation again, also while it runs. @param {HTMLElement} row */
function flash(row) {
  row.classList.remove("changed-now");
  requestAnimationFrame(() => row.classList.add("changed-now"));
}
