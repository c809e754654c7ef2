/** The protocol in Protobuf: each message behind its length, many in one. `data` is JSON here too, as UTF-8. Pure. */

import protobuf from "protobufjs/light.js";
import { oneLine } from "../../core/json.ts";
import { Refused } from "../../core/refusals.ts";
import type { Frame, Framing, JsonText, Publication } from "../../ports.ts";
import { parseClientInfo } from "./client-info.ts";
import { commandType, emulationType, replyType } from "./schema.ts";
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

/** Frames are bytes as text, a character each: as such they are joined, kept and shared like any other. */
const binaryFraming: Framing = {
  name: "binary",
  frame: (text) => text,
  join(frames) {
    const bytes = Buffer.from(frames.length === 1 ? (frames[0] ?? "") : frames.join(""), "latin1");
    return { parts: [bytes], bytes: bytes.length };
  },
};

type Fields = Readonly<Record<string, unknown>>;

const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true });

class ProtobufWire implements Wire {
  readonly name = "protobuf";
  readonly framing = binaryFraming;
  readonly oneWay = false;
  readonly ping = frameOf({});

  commands(data: string | Uint8Array): readonly Command[] {
    if (typeof data === "string") throw new Refused("badConnection", "Cannot read text: send Protobuf");
    const commands: Command[] = [];
    try {
      const reader = protobuf.Reader.create(data);
      while (reader.pos < reader.len) {
        const fields = commandType.toObject(commandType.decodeDelimited(reader), { longs: Number });
        if (Object.keys(fields).length > 0) commands.push(commandOf(fields));
      }
    } catch (thrown) {
      throw thrown instanceof Refused ? thrown : new Refused("badConnection", "Cannot parse the command");
    }
    return commands;
  }

  reply(id: number, method: Method, result: object): Frame {
    return frameOf({ id, [method]: result });
  }

  refusal(id: number, refused: Refused): Frame {
    return frameOf({ id, error: errorResult(refused) });
  }

  push(push: Push): Frame {
    return frameOf({ push });
  }

  publication(publication: Publication, wording: Wording): Frame {
    const channel = wording.pattern ?? publication.channel;
    return encode({ push: { channel, pub: publicationOf(publication, wording) } });
  }

  together(frames: readonly Frame[]): Frame {
    return frames.join("");
  }
}

export const protobufWire: Wire = new ProtobufWire();

function commandOf(fields: Fields): Command {
  const method = methods.find((name) => fields[name] !== undefined);
  if (method === undefined) throw new Refused("badConnection", "Cannot obey a command without a method");
  const id = (fields["id"] ?? 0) as number;
  if (id === 0 && method !== "send") throw new Refused("badConnection", "Cannot obey a command without an `id`");
  const params = fields[method] as Fields;
  const { data } = params;
  return { id, method, params: data === undefined ? params : { ...params, data: jsonOf(data) } };
}

/** JSON as one line; undefined where it is none. */
function jsonOf(data: unknown): JsonText | undefined {
  try {
    return oneLine(strict.decode(data as Uint8Array));
  } catch {
    return undefined;
  }
}

export function parseEmulationRequest(bytes: Uint8Array): {
  readonly node: string;
  readonly session: string;
  readonly data: Uint8Array;
} {
  try {
    const { node = "", session = "", data = new Uint8Array() } = emulationType.toObject(emulationType.decode(bytes));
    return { node, session, data };
  } catch {
    throw new Refused("badRequest", "Cannot parse the body: it is no EmulationRequest");
  }
}

/** Fields that are JSON texts here and bytes there. */
const byteFields = new Set(["data", "conn_info", "chan_info"]);

function frameOf(reply: object): Frame {
  return encode(inBytes(reply));
}

function encode(reply: object): Frame {
  const bytes = replyType.encodeDelimited(replyType.fromObject(reply)).finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/** The same with bytes where the schema has them. */
function inBytes(value: object): object {
  const fields: Record<string, unknown> = {};
  const wording = wordingIn(value);
  for (const [name, member] of Object.entries(value)) {
    if (typeof member === "string" && byteFields.has(name)) fields[name] = encoder.encode(member);
    else if (Array.isArray(member)) {
      fields[name] = (member as readonly Publication[]).map((one) => publicationOf(one, wording));
    } else fields[name] = typeof member === "object" && member !== null ? inBytes(member) : member;
  }
  return fields;
}

function publicationOf(publication: Publication, { pattern, delta }: Wording): object {
  const { channel, offset, seq, data, key, removed, tags, info, time } = publication;
  const publisher = info === undefined ? undefined : parseClientInfo(info);
  const change = delta instanceof Uint8Array;
  return {
    data: change ? delta : encoder.encode(data),
    offset: pattern === undefined ? offset : seq,
    time,
    ...(pattern === undefined ? {} : { channel }),
    ...(key === undefined ? {} : { key }),
    ...(removed === true ? { removed } : {}),
    ...(tags === undefined ? {} : { tags }),
    ...(publisher === undefined ? {} : { info: inBytes(publisher) }),
    ...(change ? { delta: true } : {}),
  };
}
