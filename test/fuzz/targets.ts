/**
 * Every parser of ours that reads what the network brings, as a function of bytes that returns, whatever they are. What it
 * throws is a fault; a refusal is an answer. Pure, so that it runs in Node too, whose engine tells what was covered.
 */
import { isPattern, matches, nameFault, patternFault } from "../../src/core/channels.ts";
import { credentialOf, keyInMessage } from "../../src/core/credentials.ts";
import { cursorText, parseCursor } from "../../src/core/cursor.ts";
import { parseObject } from "../../src/core/json.ts";
import { elementTexts, memberText } from "../../src/core/member-text.ts";
import { originAllowed, ownOrigins } from "../../src/core/origins.ts";
import { redact } from "../../src/core/redaction.ts";
import { Refused } from "../../src/core/refusals.ts";
import { parseFilter } from "../../src/protocols/centrifuge/filter.ts";
import { JsonWire, joinedFraming } from "../../src/protocols/centrifuge/json-wire.ts";
import { parseEmulationRequest, protobufWire } from "../../src/protocols/centrifuge/protobuf-wire.ts";
import { isServerMethod, serverShapes } from "../../src/protocols/centrifuge/server-shapes.ts";
import { itemOf, tagsOfHeader } from "../../src/protocols/channel-url/draft.ts";
import { channelsOf, wishOf } from "../../src/protocols/channel-url/query.ts";
import { isDocumented, merged, readEvent } from "../../src/protocols/deconz/events.ts";
import { basicConfig } from "../../src/protocols/deconz/gateway-config.ts";
import { sortedText } from "../../src/protocols/deconz/json.ts";
import { wishesOf } from "../../src/protocols/espruino/message.ts";
import { optionOf, readChanges } from "../../src/protocols/jeedom/events.ts";
import { readFirstMessage } from "../../src/protocols/jeedom/first-message.ts";
import { hostOf } from "../../src/protocols/jeedom/hosts.ts";
import {
  readAnswer,
  readEvents,
  readReply,
  shownBy,
  withId,
  withValues,
} from "../../src/protocols/jeedomconnect/answer.ts";
import { type Change, readChange } from "../../src/protocols/jeedomconnect/change.ts";
import { type Entry, readEntry, reworded } from "../../src/protocols/jeedomconnect/entry.ts";
import { questionText, readQuestion } from "../../src/protocols/jeedomconnect/question.ts";
import { asUser, faultOf } from "../../src/protocols/jeedomconnect/shield.ts";
import { commandOf } from "../../src/protocols/unix-socket/command.ts";
import { JsonStream } from "../../src/protocols/unix-socket/json-stream.ts";
import { plainCommand } from "../../src/protocols/unix-socket/plain-command.ts";
import { FrameDecoder } from "../../src/transports/lenient-frames.ts";
import { generationOf, HeadReader, switchingAnswer, wantsWebSocket } from "../../src/transports/lenient-handshake.ts";

export type Target = (bytes: Uint8Array) => void;

const utf8 = new TextDecoder();
const text = (bytes: Uint8Array): string => utf8.decode(bytes);

/** Runs it; a refusal is nothing to tell of. */
function allowing(run: () => unknown): void {
  try {
    run();
  } catch (thrown) {
    if (!(thrown instanceof Refused)) throw thrown;
  }
}

function same(one: unknown, other: unknown, what: string): void {
  const [first, second] = [JSON.stringify(one), JSON.stringify(other)];
  if (first !== second) throw new Error(`${what}: ${first} and ${second}`);
}

function parsed(bytes: Uint8Array): { readonly value: unknown; readonly json: string } | undefined {
  const json = text(bytes);
  try {
    return { value: JSON.parse(json), json };
  } catch {
    return undefined;
  }
}

/** The first byte says where the rest is cut: the same must come of it, whole or in two. */
function cut(bytes: Uint8Array): readonly [Uint8Array, readonly Uint8Array[]] {
  const rest = bytes.subarray(1);
  const at = (bytes[0] ?? 0) % (rest.length + 1);
  return [rest, [rest.subarray(0, at), rest.subarray(at)]];
}

function streamed(pieces: readonly Uint8Array[]): unknown[] {
  const out: unknown[] = [];
  const stream = new JsonStream<unknown>(
    { limit: 200 },
    { parse: JSON.parse, value: (value) => out.push(value), fault: () => out.push("fault") },
  );
  for (const piece of pieces) stream.push(piece);
  stream.settle();
  return out;
}

function frames(pieces: readonly Uint8Array[]): unknown[] {
  const decoder = new FrameDecoder({ message: 200 });
  return pieces.flatMap((piece) => decoder.push(piece.slice()));
}

function heads(pieces: readonly Uint8Array[]): unknown {
  const reader = new HeadReader(300);
  for (const [at, piece] of pieces.entries()) {
    const found = reader.push(piece);
    if (found === undefined) continue;
    const { head, rest } = found;
    wantsWebSocket(head);
    generationOf(head);
    allowing(() => switchingAnswer(head, undefined));
    const after = [...rest, ...pieces.slice(at + 1).flatMap((later) => [...later])];
    return [head.method, head.target, [...head.headers], after];
  }
  return undefined;
}

const jsonWire = new JsonWire(joinedFraming, false);
const oneWayWire = new JsonWire(joinedFraming, true);
const wishLimits = { heartbeat: 25, channels: 10 };

export const targets: Readonly<Record<string, Target>> = {
  "unix-socket-stream"(bytes) {
    const [whole, pieces] = cut(bytes);
    same(streamed([whole]), streamed(pieces), "cut otherwise, it reads otherwise");
  },

  "unix-socket-command"(bytes) {
    const given = parsed(bytes);
    if (given !== undefined) allowing(() => commandOf(given.value, given.json));
    const written = text(bytes);
    const plain = plainCommand(written);
    if (plain !== undefined) same(plain, commandOf(JSON.parse(written), written), "a command that is written plainly");
  },

  "channel-url"(bytes) {
    const [path = "", query = "", ...lines] = text(bytes).split("\n");
    const headers = new Headers();
    for (const line of lines) {
      const [name = "", value = ""] = line.split(":");
      try {
        headers.append(name, value);
      } catch {
        // No header at all.
      }
    }
    allowing(() => channelsOf(path));
    allowing(() => wishOf(path, new URLSearchParams(query), headers, wishLimits));
    credentialOf(headers, new URLSearchParams(query));
    keyInMessage(path);
    allowing(() => tagsOfHeader(query));
  },

  "channel-url-item"(bytes) {
    const given = parsed(bytes);
    if (given !== undefined) allowing(() => itemOf(given.value, given.json));
  },

  "member-text"(bytes) {
    const given = parsed(bytes);
    if (given === undefined) return;
    if (Array.isArray(given.value)) {
      same(
        elementTexts(given.json).map((element) => JSON.parse(element) as unknown),
        given.value,
        "elements",
      );
    } else if (typeof given.value === "object" && given.value !== null) {
      for (const [name, value] of Object.entries(given.value)) {
        same(JSON.parse(memberText(given.json, name) ?? "null"), value, `member ${name}`);
      }
    }
  },

  names(bytes) {
    const [name = "", pattern = ""] = text(bytes).split("\n");
    if (nameFault(name) === undefined && patternFault(pattern) === undefined) {
      const hit = matches(pattern, name);
      if (!isPattern(pattern)) same(hit, pattern === name, "a pattern without stars");
      if (hit && name.startsWith("$") && pattern.startsWith("*"))
        throw new Error("a wildcard reaches what is reserved");
    }
  },

  cursors(bytes) {
    const position = parseCursor(text(bytes));
    if (position !== undefined) same(parseCursor(cursorText(position.run, position.seq)), position, "a cursor");
  },

  origins(bytes) {
    const [origin = "", host = "", pattern = ""] = text(bytes).split("\n");
    const own = ownOrigins(host, false, undefined);
    // A public name is no origin of ours, whatever the request says of its host.
    if (/\.(?:com|org|net)$/.test(origin) && originAllowed(origin, own, []) && host !== "")
      throw new Error("a stranger's page");
    originAllowed(origin, own, [pattern]);
  },

  redaction(bytes) {
    const secret = "A1b2C3d4E5f6G7h8I9j0K1l2";
    const around = text(bytes);
    if (redact(`${around} hw_abcd1234_${secret}`).includes(secret)) throw new Error("a key was left");
  },

  "centrifuge-json"(bytes) {
    allowing(() => jsonWire.commands(text(bytes)));
    allowing(() => oneWayWire.commands(text(bytes)));
  },

  "centrifuge-protobuf"(bytes) {
    allowing(() => protobufWire.commands(bytes));
    allowing(() => parseEmulationRequest(bytes));
  },

  "centrifuge-filter"(bytes) {
    const given = parsed(bytes);
    if (given !== undefined) allowing(() => parseFilter(given.value));
  },

  "centrifuge-server"(bytes) {
    const [method = "", ...lines] = text(bytes).split("\n");
    const given = parsed(Buffer.from(lines.join("\n")));
    if (given !== undefined && isServerMethod(method)) serverShapes[method].request.safeParse(given.value);
  },

  "deconz-event"(bytes) {
    isDocumented(text(bytes));
    const frame = parseObject(text(bytes));
    if (frame === undefined) return;
    same(JSON.parse(sortedText(frame)) === undefined, false, "sorted");
    basicConfig(frame);
    const event = readEvent(frame);
    if (event !== undefined && "sections" in event && "attributes" in event) merged({}, event);
  },

  "espruino-message"(bytes) {
    for (const wish of wishesOf(text(bytes))) allowing(wish);
  },

  "jeedom-events"(bytes) {
    // The bridge knows that much of an answer before it reads the events in it.
    if (parseObject(text(bytes)) === undefined) return;
    for (const event of readChanges(text(bytes))) optionOf(event);
  },

  "jeedom-first-message"(bytes) {
    same(readFirstMessage(text(bytes)), readFirstMessage(Buffer.from(text(bytes))), "as text and as bytes");
    hostOf(text(bytes));
  },

  "jeedomconnect-answer"(bytes) {
    readReply(text(bytes));
    const answer = readAnswer(text(bytes));
    if (answer === undefined) return;
    shownBy(answer);
    const { values } = readEvents(answer);
    if (answer.type === "SET_EVENTS" && Array.isArray(answer.payload))
      same(readEvents(withValues(answer, values)).values, values, "its own values in the place of its values");
    const told = JSON.parse(withId(answer, "7")) as Record<string, unknown>;
    same([told["type"], told["id"], told["jeedomApiKey"]], [answer.type, 7, undefined], "what a phone is told");
  },

  "jeedomconnect-value"(bytes) {
    const change = readChange(text(bytes));
    const entry = readEntry(text(bytes));
    const date = "2026-01-01 12:00:00";
    const usualEntry: Entry = { id: "1", text: '{"id":"1","value":"","modified":1,"collectDate":1}', isDated: true };
    const usualChange: Change = { id: "1", at: 1, value: "1", valueDate: date, collectDate: date };
    for (const said of [
      change === undefined ? undefined : reworded(usualEntry, change, "UTC"),
      entry === undefined ? undefined : reworded(entry, usualChange, "UTC"),
    ])
      if (said !== undefined) same(readEntry(said.text), said, "what is made of it is read again");
  },

  "jeedomconnect-question"(bytes) {
    const question = readQuestion(bytes);
    if ("fault" in question) return;
    faultOf(question);
    const asked = readQuestion(questionText(asUser(question, { id: "1", login: "anna" }), {}));
    same("fault" in asked ? asked : asked.method, question.method, "what the plugin is asked");
  },

  "lenient-frames"(bytes) {
    const [whole, pieces] = cut(bytes);
    same(frames([whole]), frames(pieces), "cut otherwise, it reads otherwise");
  },

  "lenient-handshake"(bytes) {
    const [whole, pieces] = cut(bytes);
    let [once, twice]: [unknown, unknown] = ["refused", "refused"];
    allowing(() => {
      once = heads([whole]);
    });
    allowing(() => {
      twice = heads(pieces);
    });
    same(once, twice, "cut otherwise, it reads otherwise");
  },
};
