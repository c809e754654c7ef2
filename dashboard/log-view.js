/** The list of publications: newest first, bounded, pausable; each opens to show all of it. */
import { byId, clockTime, element, valueElement } from "./values.js";

/** @import { Place, Publication } from "./wire.js" */

const most = 200;

export class LogView {
  #list = byId("log", HTMLOListElement);
  #empty = byId("log-empty", HTMLElement);
  #button = byId("pause", HTMLButtonElement);
  #paused = false;
  /** What came since the last picture, oldest first. @type {({ publication: Publication, place: Place } | string)[]} */
  #waiting = [];
  #heldBack = 0;

  constructor() {
    this.#button.addEventListener("click", () => this.#pause(!this.#paused));
    byId("clear", HTMLButtonElement).addEventListener("click", () => this.clear());
    this.#list.addEventListener("keydown", (event) => this.#move(event));
    this.#list.addEventListener("focusin", ({ target }) => target instanceof HTMLElement && this.#offer(target));
  }

  /** @param {Publication} publication @param {Place} place */
  add(publication, place) {
    // The values of a map as it was found are no events.
    if (place === "snapshot") return;
    this.#waiting.push({ publication, place });
    if (this.#waiting.length > most) this.#waiting.shift();
    this.#heldBack++;
  }

  /** A line about the list itself: where something is missing, where the connection broke. @param {string} text */
  note(text) {
    this.#waiting.push(text);
  }

  clear() {
    this.#waiting = [];
    this.#heldBack = 0;
    this.#list.replaceChildren();
    this.#empty.hidden = false;
  }

  draw() {
    if (this.#paused) {
      this.#button.textContent = this.#heldBack > 0 ? `Go on (${this.#heldBack} new)` : "Go on";
      return;
    }
    this.#heldBack = 0;
    if (this.#waiting.length === 0) return;
    const rows = this.#waiting.map((one) => (typeof one === "string" ? noteOf(one) : rowOf(one))).reverse();
    this.#waiting = [];
    this.#list.prepend(...rows);
    while (this.#list.childElementCount > most) this.#list.lastElementChild?.remove();
    this.#empty.hidden = true;
    if (!this.#list.contains(document.activeElement)) this.#offer(this.#list.querySelector("summary"));
  }

  /** Two hundred rows are one stop on the way through the page: arrows go from row to row. @param {HTMLElement | null} row */
  #offer(row) {
    for (const other of this.#list.querySelectorAll("summary")) other.tabIndex = other === row ? 0 : -1;
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const rows = [...this.#list.querySelectorAll("summary")];
    const at = rows.findIndex((row) => row.matches(":focus"));
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (at === -1 || next === undefined) return;
    event.preventDefault();
    rows[next]?.focus();
  }

  /** @param {boolean} paused */
  #pause(paused) {
    this.#paused = paused;
    this.#button.setAttribute("aria-pressed", String(paused));
    this.#button.textContent = paused ? "Go on" : "Pause";
    this.draw();
  }
}

/** @param {string} text */
function noteOf(text) {
  const row = element("li", "note");
  element("time", "", row).textContent = clockTime(Date.now());
  element("span", "", row).textContent = text;
  return row;
}

/** @param {{ publication: Publication, place: Place }} one */
function rowOf({ publication, place }) {
  const row = element("li", place);
  const details = element("details", "", row);
  const summary = element("summary", "", details);
  summary.tabIndex = -1;
  const time = element("time", "", summary);
  time.dateTime = new Date(publication.time).toISOString();
  time.textContent = clockTime(publication.time);
  const what = element("span", "what", summary);
  element("span", "channel", what).textContent = publication.channel;
  if (publication.key !== undefined) element("span", "key", what).textContent = publication.key;
  if (place === "owed") element("span", "badge", what).textContent = "recovered";
  if (publication.removed) element("span", "badge", what).textContent = "removed";
  else summary.append(valueElement(publication.data, publication.key));
  details.addEventListener("toggle", () => {
    if (details.childElementCount === 1) element("pre", "", details).textContent = JSON.stringify(publication, null, 2);
  });
  return row;
}
