/** The wire texts of the protocol: what publications and notices look like. Pure. Specified in docs/channel-url.md. */

import { cursorText } from "../../core/cursor.ts";
import type { Member, PresenceChange } from "../../core/form.ts";
import { quote } from "../../core/quoted-names.ts";
import type { Publication, Receipt } from "../../ports.ts";

/** `{"channel","offset","data","key"?,"removed"?,"tags"?,"info"?,"time","cursor"}`; `time` in ms since the epoch. */
export function publicationText(run: string, publication: Publication): string {
  const { channel, offset, data, key, removed, tags, info, time, seq } = publication;
  let text = `{"channel":${quote(channel)},"offset":${offset},"data":${data}`;
  if (key !== undefined) text += `,"key":${JSON.stringify(key)}`;
  if (removed === true) text += ',"removed":true';
  if (tags !== undefined) text += `,"tags":${JSON.stringify(tags)}`;
  if (info !== undefined) text += `,"info":${info}`;
  return `${text},"time":${time},"cursor":"${cursorText(run, seq)}"}`;
}

export function receiptText({ channel, offset, epoch }: Receipt): string {
  return `{"channel":${quote(channel)},"offset":${offset},"epoch":"${epoch}"}`;
}

/** The first notice of a stream: how often it gives a sign of life, in seconds. */
export function helloText(heartbeat: number): string {
  return `{"hello":true,"heartbeat":${heartbeat}}`;
}

/** From here on everything is new. */
export function liveText(cursor: string): string {
  return `{"live":true,"cursor":"${cursor}"}`;
}

/** Something of these channels was missed and cannot be given any more; maps come whole after it. */
export function gapText(channels: readonly string[]): string {
  return `{"gap":true,"channels":${JSON.stringify(channels)}}`;
}

export function heartbeatText(heartbeat: number): string {
  return `{"heartbeat":${heartbeat}}`;
}

/** The end of a stream in good order; a client goes on from the cursor. */
export function endText(cursor: string | undefined, error: string | undefined): string {
  const place = cursor === undefined ? "" : `,"cursor":"${cursor}"`;
  return error === undefined ? `{"end":true${place}}` : `{"end":true${place},"error":${error}}`;
}

export function presenceText({ channel, kind, member }: PresenceChange): string {
  return `{"${kind}":${memberText(member)},"channel":${quote(channel)}}`;
}

export function memberText({ client, user }: Member): string {
  return JSON.stringify({ client, user });
}
