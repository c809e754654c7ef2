/** The machine's clock and its chance. */
import { randomInt } from "node:crypto";
import type { Chance, Clock } from "../ports.ts";

export const systemClock: Clock = {
  now: () => Date.now(),
  after(delay, task) {
    const timer = setTimeout(task, delay);
    return () => clearTimeout(timer);
  },
  atEndOfTurn(task) {
    setImmediate(task);
  },
};

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

export const systemChance: Chance = {
  text(length, alphabet = alphanumeric) {
    let text = "";
    while (text.length < length) text += alphabet[randomInt(alphabet.length)];
    return text;
  },
};
