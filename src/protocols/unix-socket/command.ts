/** What backends ask for, read from JSON. Pure. Specified in docs/unix-socket.md. */
import { foreignName } from "../../core/channels.ts";
import { memberText } from "../../core/member-text.ts";
import { Refused } from "../../core/refusals.ts";
import type { Draft, JsonText } from "../../ports.ts";

export type Command =
  | { readonly kind: "publish"; readonly channel: string; readonly draft: Draft }
  | { readonly kind: "subscribe" | "unsubscribe"; readonly device: string; readonly channel: string };

/** Where `multicast` goes: every device listens to it. */
export const everyDevice = "$devices";

const longestKey = 255;
const mostTags = 32;
const longestTag = 255;

/** Channel names by what backends call them, kept because each command carries one. */
const names = new Map<string, string>();
const mostNames = 10_000;

/** The channel that a backend means: what a channel name may not have is percent-encoded. */
export function channelOf(name: string): string {
  let channel = names.get(name);
  if (channel === undefined) {
    channel = foreignName(name, "levels");
    if (names.size >= mostNames) names.clear();
    names.set(name, channel);
  }
  return channel;
}

/** Where what is for one device goes. */
export function inboxOf(device: string): string {
  return channelOf(`$device/${foreignName(device, "level")}`);
}

type Members = Readonly<Record<string, unknown>>;

/** Refused when it is none. `text` is the value as it was written. */
export function commandOf(value: unknown, text: string): Command {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Refused("badRequest", 'Cannot obey it: a command is an object like {"action":"multicast","data":…}');
  }
  const members = value as Members;
  switch (members["action"]) {
    case "sendToChannel":
      return {
        kind: "publish",
        channel: channelOf(textMember(members, "channel")),
        draft: channelDraft(members, text),
      };
    case "sendToDevice":
      return { kind: "publish", channel: inboxOf(textMember(members, "device")), draft: plainDraft(members, text) };
    case "multicast":
      return { kind: "publish", channel: everyDevice, draft: plainDraft(members, text) };
    case "subscribe":
    case "unsubscribe": {
      const device = textMember(members, "device");
      return { kind: members["action"], device, channel: channelOf(textMember(members, "channel")) };
    }
    default:
      throw new Refused(
        "methodNotFound",
        "Cannot obey it: `action` is one of multicast, sendToChannel, sendToDevice, subscribe, unsubscribe",
      );
  }
}

/** Texts only: a number is no device, and `true` is not every device. */
function textMember(members: Members, name: string): string {
  const value = members[name];
  if (typeof value === "string" && value !== "") return value;
  throw new Refused("badRequest", `Cannot obey it without \`${name}\`, a text`);
}

function plainDraft(members: Members, text: string): Draft {
  return { data: dataOf(members, text) };
}

function channelDraft(members: Members, text: string): Draft {
  const { key, removed, tags } = members;
  if (key === undefined && removed === undefined && tags === undefined) return plainDraft(members, text);
  if (removed === true && key === undefined) throw new Refused("badRequest", "Cannot remove without a `key`");
  return {
    data: removed === true ? "null" : dataOf(members, text),
    ...(key === undefined ? {} : { key: requireKey(key) }),
    ...(removed === true ? { removed } : {}),
    ...(tags === undefined ? {} : { tags: requireTags(tags) }),
  };
}

function dataOf({ data }: Members, text: string): JsonText {
  // As in the original, `null` is no data.
  if (data === undefined || data === null) throw new Refused("badRequest", "Cannot send without `data`");
  return memberText(text, "data") ?? JSON.stringify(data);
}

function requireKey(key: unknown): string {
  if (typeof key === "string" && key.length > 0 && key.length <= longestKey) return key;
  throw new Refused("badRequest", `Cannot use the \`key\`: it must be a text of 1 to ${longestKey} characters`);
}

function requireTags(tags: unknown): Readonly<Record<string, string>> {
  const isObject = typeof tags === "object" && tags !== null && !Array.isArray(tags);
  const entries = isObject ? Object.entries(tags as Members) : [];
  const good = ([name, value]: readonly [string, unknown]): boolean =>
    name.length <= longestTag && typeof value === "string" && value.length <= longestTag;
  if (isObject && entries.length <= mostTags && entries.every(good)) return tags as Readonly<Record<string, string>>;
  const fault = `Cannot use the \`tags\`: give an object of at most ${mostTags} texts of up to ${longestTag} characters`;
  throw new Refused("badRequest", fault);
}
