/** Reading the gateway's refusals: what one means for a client, and whether to come back. */

/** @import { Ending, WireError } from "./wire.js" */

/** What a person can do about it; the rest of the codes are explained on the gateway's own page. */
const advice = new Map([
  [101, "Enter a valid key below."],
  [103, "Use a key with a grant that covers these channels, or pick others."],
  [107, "Correct the channel: levels are separated by “/”, “*” stands for one level and “**” for the rest."],
  [110, "Enter a new key below."],
  [3005, "Enter a new key below."],
  [3500, "Enter a valid key below."],
  [3502, "Nothing here is open without a key: enter one below."],
  [3504, "Close some of the pages that listen, then try again."],
  [3507, "Use a key with a grant that covers these channels, or pick others."],
]);

/** @param {WireError} error */
export function adviceFor({ code }) {
  return advice.get(code) ?? "";
}

/**
 * Whether it is of no use to come back as we are. The ranges say so for closes; of the errors of a request, those of
 * 100 and from 111 on pass. An expired key does too by the table, but only for clients that can get a new one.
 *
 * @param {Ending} ending
 */
export function isFinal({ error }) {
  if (error === undefined) return false;
  const { code } = error;
  if (code === 3005 || code === 3006) return true;
  if (code >= 3000) return code >= 3500 && code < 4000;
  return code > 100 && code < 111;
}

/**
 * The refusal in a response, also where something between us and the gateway wrote it.
 *
 * @param {Response} response
 * @returns {Promise<Ending>}
 */
export async function endingOf(response) {
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  const retryAfter = Number.isFinite(seconds) ? { retryAfter: seconds } : {};
  try {
    const body = await response.json();
    if (typeof body?.error?.message === "string") {
      return { text: body.error.message, error: body.error, ...retryAfter };
    }
  } catch {
    // Not ours: its status has to do.
  }
  return { text: `The gateway answered ${response.status} ${response.statusText}`.trim(), ...retryAfter };
}

/** @param {number} code @param {string} reason @returns {Ending} */
export function endingOfClose(code, reason) {
  if (code < 3000) return { text: reason || "The connection broke" };
  const text = reason || `The gateway closed the connection (${code})`;
  return { text, error: { code, name: "", message: text, doc: `/docs/codes#${code}` } };
}
