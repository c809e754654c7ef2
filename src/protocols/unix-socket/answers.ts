/** What a command is answered with: `OK` or `ERR` as in the original, or a line of JSON where it has an `id`. Pure. */

import { memberText } from "../../core/member-text.ts";
import { errorObject, type Refused } from "../../core/refusals.ts";

/** What became of a command. */
export interface Outcome {
  readonly refused?: Refused;
  /** The publication's place in its channel. */
  readonly offset?: number;
  /** How many sessions were there to hear it. */
  readonly sessions?: number;
}

export const ok = "OK";
export const err = "ERR";

/** `OK` means "was JSON"; a publication that could not be kept, or any fault of ours, is an `ERR` all the same. */
export function plainAnswer({ refused }: Outcome): string {
  return refused !== undefined && refused.refusal.status >= 500 ? err : ok;
}

/** Whether a command asks for the answer in JSON. */
export function hasId(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.hasOwn(value, "id");
}

/** `{"id"?,"ok","error"?,"offset"?,"sessions"?}`; the `id` as it stood in the command's text. */
export function jsonAnswer(value: unknown, text: string, { refused, offset, sessions }: Outcome): string {
  const answer = JSON.stringify({
    ok: refused === undefined,
    ...(refused === undefined ? {} : { error: errorObject(refused) }),
    ...(offset === undefined ? {} : { offset }),
    ...(sessions === undefined ? {} : { sessions }),
  });
  return hasId(value) ? `{"id":${memberText(text, "id")},${answer.slice(1)}` : answer;
}
