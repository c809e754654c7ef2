/** The protocol in JSON: objects, one a line, many in one message. Pure. */

import { memberText } from "../../core/member-text.ts";
import { quote } from "../../core/quoted-names.ts";
import { Refused } from "../../core/refusals.ts";
import type { Frame, FrameHead, Framing, JsonText, Publication } from "../../ports.ts";
import { isClientInfo } from "./client-info.ts";
import { ListTexts } from "./list-texts.ts";
import {
  type Command,
  errorResult,
  type Method,
  methods,
  type Push,
  type Wire,
  type Wording,
  wordingIn,
} from "./wire.ts";

/** A WebSocket message holds all that a session is owed by a turn. */
export const joinedFraming: Framing = {
  name: "websocket-joined",
  frame: (text) => text,
  join(frames) {
    const text = frames.length === 1 ? (frames[0] ?? "") : frames.join("\n");
    return { parts: [text], bytes: text.length };
  },
};

const utf8 = new TextDecoder();

export class JsonWire implements Wire {
  readonly name: string;
  readonly framing: Framing;
  readonly oneWay: boolean;
  readonly ping: Frame;
  readonly #lists = new ListTexts();

  constructor(framing: Framing, oneWay: boolean) {
    this.name = `${oneWay ? "uni-" : ""}json/${framing.name}`;
    this.framing = framing;
    this.oneWay = oneWay;
    this.ping = framing.frame("{}");
  }

  commands(data: string | Uint8Array): readonly Command[] {
    if (typeof data !== "string") throw new Refused("badConnection", "Cannot read binary messages: send JSON as text");
    // Whoever only listens sends the fields of `connect`, and nothing else.
    if (this.oneWay) return commandsOf(`{"id":1,"connect":${data}}`, []);
    if (!data.includes("\n")) return commandsOf(data, []);
    const commands: Command[] = [];
    const lines = data.split("\n").filter((line) => line.trim() !== "");
    if (lines.length === 0) throw new Refused("badConnection", "Cannot obey an empty message");
    for (const line of lines) commandsOf(line, commands);
    return commands;
  }

  reply(id: number, method: Method, result: object): Frame {
    return this.framing.frame(`{"id":${id},"${method}":${jsonText(result, this.#lists)}}`);
  }

  refusal(id: number, refused: Refused): Frame {
    return this.framing.frame(`{"id":${id},"error":${JSON.stringify(errorResult(refused))}}`);
  }

  push(push: Push, head?: FrameHead): Frame {
    return this.#push(jsonText(push, this.#lists), head);
  }

  publication(publication: Publication, wording: Wording): Frame {
    const channel = quote(wording.pattern ?? publication.channel);
    return this.#push(`{"channel":${channel},"pub":${publicationText(publication, wording)}}`);
  }

  together(frames: readonly Frame[]): Frame {
    return frames.join(this.framing === joinedFraming ? "\n" : "");
  }

  #push(text: string, head?: FrameHead): Frame {
    return this.framing.frame(this.oneWay ? text : `{"push":${text}}`, head);
  }
}

/** Adds the command of one line; an empty one answers a ping. */
function commandsOf(line: string, commands: Command[]): Command[] {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Refused("badConnection", "Cannot parse the command: it is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Refused("badConnection", "Cannot obey what is no object");
  }
  const fields = value as Readonly<Record<string, unknown>>;
  const method = methods.find((name) => Object.hasOwn(fields, name));
  const id = fields["id"] ?? 0;
  if (method === undefined && Object.keys(fields).length === 0) return commands;
  if (method === undefined) throw new Refused("badConnection", "Cannot obey a command without a method");
  if (!isId(id) || (id === 0 && method !== "send")) throw new Refused("badConnection", "Cannot obey without an `id`");
  commands.push({ id, method, params: paramsOf(line, method, fields[method]) });
  return commands;
}

function isId(id: unknown): id is number {
  return typeof id === "number" && Number.isInteger(id) && id >= 0 && id < 2 ** 32;
}

/** The command's fields, `data` as its peer wrote it. */
function paramsOf(line: string, method: Method, value: unknown): Readonly<Record<string, unknown>> {
  if (value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new Refused("badConnection", `Cannot ${method} with what is no object`);
  }
  if (!("data" in value)) return value as Readonly<Record<string, unknown>>;
  return { ...value, data: memberText(memberText(line, method) ?? "{}", "data") };
}

/** Fields that are JSON texts already. */
const rawFields = new Set(["data", "conn_info", "chan_info"]);

/** An object of the wire as JSON; what is undefined is left out. */
export function jsonText(value: object, lists = new ListTexts()): string {
  const wording = wordingIn(value);
  const members: string[] = [];
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined || (name === "pattern" && typeof member === "string")) continue;
    let text: string;
    if (typeof member === "string") text = rawFields.has(name) ? member : JSON.stringify(member);
    else if (Array.isArray(member)) {
      const { pattern = "", delta = "" } = wording;
      text = `[${lists.of(member as readonly Publication[], `${delta} ${pattern}`, (one) => publicationText(one, wording))}]`;
    } else text = typeof member === "object" ? jsonText(member, lists) : String(member);
    members.push(`${JSON.stringify(name)}:${text}`);
  }
  return `{${members.join(",")}}`;
}

/** `{"data","offset"?,"channel"?,"key"?,"removed"?,"tags"?,"info"?,"time","delta"?}`. */
function publicationText(publication: Publication, { pattern, delta }: Wording): string {
  const { channel, offset, seq, key, removed, tags, info, time } = publication;
  const place = pattern === undefined ? offset : seq;
  let text = `{"data":${dataText(publication.data, delta)}`;
  if (place > 0) text += `,"offset":${place}`;
  if (pattern !== undefined) text += `,"channel":${quote(channel)}`;
  if (key !== undefined) text += `,"key":${JSON.stringify(key)}`;
  if (removed === true) text += ',"removed":true';
  if (tags !== undefined) text += `,"tags":${JSON.stringify(tags)}`;
  if (info !== undefined && isClientInfo(info)) text += `,"info":${info}`;
  if (delta instanceof Uint8Array) text += ',"delta":true';
  return `${text},"time":${time}}`;
}

function dataText(data: JsonText, delta: Wording["delta"]): string {
  if (delta === undefined) return data;
  return JSON.stringify(delta === "whole" ? data : utf8.decode(delta));
}
