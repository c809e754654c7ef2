/** The connection's state, in the corner and in words where something is wrong, and the figures that tick. */
import { adviceFor } from "./refusals.js";
import { byId, duration } from "./values.js";

/** @import { Counts, State } from "./wire.js" */

/** @type {Readonly<Record<State["name"], string>>} */
const names = {
  idle: "Not listening",
  connecting: "Connecting…",
  live: "Live",
  waiting: "Reconnecting",
  refused: "Refused",
};

export class StateView {
  #corner = byId("state", HTMLElement);
  #name = byId("state-name", HTMLElement);
  #countdown = byId("state-countdown", HTMLElement);
  #trouble = byId("trouble", HTMLElement);
  #text = byId("trouble-text", HTMLElement);
  #advice = byId("trouble-advice", HTMLElement);
  #doc = byId("trouble-doc", HTMLAnchorElement);
  #last = byId("vital-last", HTMLElement);
  #received = byId("vital-received", HTMLElement);
  #recovered = byId("vital-recovered", HTMLElement);
  #gaps = byId("vital-gaps", HTMLElement);
  #heartbeat = byId("vital-heartbeat", HTMLElement);

  /** @param {State} state */
  show(state) {
    this.#corner.dataset["state"] = state.name;
    this.#name.textContent = names[state.name];
    document.title = state.name === "live" ? "Hearthwire" : `${names[state.name]} · Hearthwire`;
    if (state.name === "refused") {
      const { text, error } = state.ending;
      this.#explain(text, error === undefined ? "" : adviceFor(error));
      this.#doc.hidden = error === undefined;
      this.#doc.textContent = `What ${error?.code} means`;
      this.#doc.href = (error?.doc ?? "").replace(/^\//, "");
    } else if (state.name === "waiting" && state.attempt > 1) {
      // Most breaks are over before anybody has read about them.
      this.#explain(state.ending.text, "Nothing is lost so far: what comes meanwhile is asked for on return.");
      this.#doc.hidden = true;
    } else if (state.name === "idle" || state.name === "live") this.#trouble.hidden = true;
  }

  /** @param {State} state @param {Counts} counts */
  tick(state, counts) {
    const now = Date.now();
    const left = state.name === "waiting" ? `in ${duration(state.until - now)}` : "";
    set(this.#countdown, left);
    set(this.#last, counts.last === 0 ? "–" : now - counts.last < 1500 ? "now" : `${duration(now - counts.last)} ago`);
    set(this.#received, counts.received.toLocaleString());
    set(this.#recovered, counts.recovered.toLocaleString());
    set(this.#gaps, counts.gaps.toLocaleString());
    set(this.#heartbeat, counts.heartbeat === 0 ? "–" : `${counts.heartbeat} s`);
  }

  /** @param {string} text @param {string} advice */
  #explain(text, advice) {
    set(this.#text, text);
    set(this.#advice, advice);
    this.#trouble.hidden = false;
  }
}

/** Writes only what is new, so that nothing is laid out or read out again for nothing. @param {Element} where @param {string} text */
function set(where, text) {
  if (where.textContent !== text) where.textContent = text;
}
