/** What a peer of the room server says. Specified in README.md. Pure. */
import { foreignName } from "../../core/channels.ts";
import { jsonOf } from "../../core/draft.ts";
import { parseObject } from "../../core/json.ts";
import { memberText } from "../../core/member-text.ts";
import { Refused } from "../../core/refusals.ts";
import type { JsonText } from "../../ports.ts";

/** One thing that a message asks for. Rooms are named by their channels. */
export type Wish =
  | { readonly kind: "join" | "leave"; readonly channel: string }
  | { readonly kind: "room"; readonly channel: string; readonly data: JsonText }
  /** To the server itself; `room` if the message went to one too. */
  | { readonly kind: "inbox"; readonly data: JsonText; readonly room?: string };

export const everyRoom = "room/all";
export const inbox = "espruino/inbox";

/**
 * The wishes of a message, in the order in which they are to be obeyed; each is refused when it is called, so that one
 * bad wish leaves the others.
 */
export function wishesOf(text: string): (() => Wish)[] {
  const members = parseObject(text);
  // Anything that is no JSON object is something to say.
  if (members === undefined) return text === "" ? [] : [() => ({ kind: "inbox", data: JSON.stringify(text) })];
  const { join, room, msg, leave } = members;
  const wishes: (() => Wish)[] = [];
  if (join) wishes.push(() => ({ kind: "join", channel: channelOf(join) }));
  if (room) wishes.push(() => ({ kind: "room", channel: channelOf(room), data: dataOf(msg, text) }));
  if (msg) {
    const said = room && isName(room) ? { room: String(room) } : {};
    wishes.push(() => ({ kind: "inbox", data: dataOf(msg, text), ...said }));
  }
  if (leave) wishes.push(() => ({ kind: "leave", channel: channelOf(leave) }));
  return wishes;
}

function isName(name: unknown): name is string | number {
  return typeof name === "string" || typeof name === "number";
}

function channelOf(room: unknown): string {
  if (!isName(room)) throw new Refused("badRequest", "Cannot find the room: its name is a text");
  return `room/${foreignName(String(room), "level")}`;
}

function dataOf(msg: unknown, text: string): JsonText {
  if (msg === undefined) throw new Refused("badRequest", "Cannot send nothing to a room: give `msg`");
  return typeof msg === "string" ? JSON.stringify(msg) : (memberText(text, "msg") ?? jsonOf(msg));
}
