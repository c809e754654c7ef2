/** What publishers of this protocol send: tags in a header, and items of batches and WebSockets. Pure. */
import { draftOf, requireMembers, requireTags } from "../../core/draft.ts";
import { Refused } from "../../core/refusals.ts";
import type { Draft } from "../../ports.ts";

/** Tags as they stand in a header: `Hearthwire-Tags: room=kitchen, kind=light`, each side percent-decoded. */
export function tagsOfHeader(header: string): Readonly<Record<string, string>> {
  const pairs = header.split(",").map((pair) => {
    const [name, value, ...more] = pair.split("=").map((side) => decodeSide(side.trim()));
    if (name === undefined || name === "" || value === undefined || more.length > 0) {
      throw new Refused("badRequest", "Cannot read Hearthwire-Tags: write name=value, separated by commas");
    }
    return [name, value] as const;
  });
  return requireTags(Object.fromEntries(pairs));
}

function decodeSide(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Refused("badRequest", "Cannot read Hearthwire-Tags: percent-encode what is not plain text");
  }
}

/** `{"channel","data","key"?,"removed"?,"tags"?,"transient"?}`, and the same as it was written. */
export function itemOf(value: unknown, text: string): { readonly channel: string; readonly draft: Draft } {
  const members = requireMembers(value, 'Cannot publish it: give {"channel": …, "data": …}');
  const { channel } = members;
  if (typeof channel !== "string") throw new Refused("badRequest", "Cannot publish without `channel`, a text");
  return { channel, draft: draftOf(members, text) };
}
