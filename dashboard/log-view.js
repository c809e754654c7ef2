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
  const time = element("time", "", summary);
  time.dateTime = new Date(publication.time).toISOString();
  time.textContent = clockTime(publication.time);
  const what = element("span", "what", summary);
  element("span", "channel", what).textContent = publication.channel;
  if (publication.key !== undefined) element("span", "key", what).textContent = publication.key;
  if (place === "owed") element("span", "badge", what).textContent = "recovered";
  if (publication.removed) element("span", "badge", what).textContent = "removed";
  else summary.append(valueElement(publication.data));
  details.addEventListener("toggle", () => {
    if (details.childElementCount === 1) element("pre", "", details).textContent = JSON.stringify(publication, null, 2);
  });
  return row;
}
