/** Who somebody is, as others in a channel see it. Pure. */
import type { Member } from "../../core/form.ts";
import type { AnySession } from "../../core/session.ts";
import type { JsonText } from "../../ports.ts";
import type { ClientInfo } from "./wire.ts";

/** Strangers have no name in this protocol. */
export function userOf(id: string): string {
  return id === "anonymous" ? "" : id;
}

export function infoOfMember({ client, user, info, channelInfo }: Member): ClientInfo {
  return {
    user: userOf(user),
    client,
    ...(info === undefined ? {} : { conn_info: info }),
    ...(channelInfo === undefined ? {} : { chan_info: channelInfo }),
  };
}

/** What a client's publication says of it. */
export function infoText({ id, principal }: AnySession, channelInfo: JsonText | undefined): JsonText {
  const known = principal.info === undefined ? "" : `,"conn_info":${principal.info}`;
  const inChannel = channelInfo === undefined ? "" : `,"chan_info":${channelInfo}`;
  return `{"user":${JSON.stringify(userOf(principal.id))},"client":${JSON.stringify(id)}${known}${inChannel}}`;
}

/** The publisher of a publication, unless another protocol worded it in its own way. */
export function parseClientInfo(text: JsonText): ClientInfo | undefined {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || !("user" in value) || !("client" in value)) return undefined;
  const { user, client } = value;
  if (typeof user !== "string" || typeof client !== "string") return undefined;
  const known = "conn_info" in value ? { conn_info: JSON.stringify(value.conn_info) } : {};
  const inChannel = "chan_info" in value ? { chan_info: JSON.stringify(value.chan_info) } : {};
  return { user, client, ...known, ...inChannel };
}

export function isClientInfo(text: JsonText): boolean {
  return parseClientInfo(text) !== undefined;
}
