/** What backends ask for, read from JSON. Pure. Specified in docs/unix-socket.md. */
import { foreignName } from "../../core/channels.ts";
import { draftOf, requireMembers } from "../../core/draft.ts";
import type { JsonObject } from "../../core/json.ts";
import { inboxOf } from "../../core/own-channels.ts";
import { Refused } from "../../core/refusals.ts";
import type { Draft } from "../../ports.ts";

export type Command =
  | { readonly kind: "publish"; readonly channel: string; readonly draft: Draft }
  | { readonly kind: "subscribe" | "unsubscribe"; readonly device: string; readonly channel: string };

/** Where `multicast` goes: every device listens to it. */
export const everyDevice = "$devices";

/** The channel that a backend means: what a channel name may not have is percent-encoded. */
export function channelOf(name: string): string {
  return foreignName(name, "levels");
}

/** Refused when it is none. `text` is the value as it was written. */
export function commandOf(value: unknown, text: string): Command {
  const members = requireMembers(value, 'Cannot obey it: a command is an object like {"action":"multicast","data":…}');
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
function textMember(members: JsonObject, name: string): string {
  const value = members[name];
  if (typeof value === "string" && value !== "") return value;
  throw new Refused("badRequest", `Cannot obey it without \`${name}\`, a text`);
}

function plainDraft({ data }: JsonObject, text: string): Draft {
  return draftOf({ data: requireData(data) }, text);
}

function channelDraft(members: JsonObject, text: string): Draft {
  if (members["removed"] !== true) requireData(members["data"]);
  return draftOf(members, text);
}

/** As in the original, `null` is no data. */
function requireData(data: unknown): unknown {
  if (data === undefined || data === null) throw new Refused("badRequest", "Cannot send without `data`");
  return data;
}
