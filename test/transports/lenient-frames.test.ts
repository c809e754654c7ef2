/** The codec of the lenient listener, against a plain model of RFC 6455, arbitrary chunking and arbitrary bytes. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  closePayload,
  encodeFrame,
  encodeTexts,
  FrameDecoder,
  opcodes,
  type Received,
  textOf,
} from "../../src/transports/lenient-frames.ts";
import { asciiJson, currentFraming, framingOf2015 } from "../../src/transports/lenient-framing.ts";
import { serverFrames } from "./raw-client.ts";

const limits = { message: 65_535 };

/** A frame as any client may write it: masked or not, with the length in any of its three forms. */
function clientFrame(opcode: number, payload: Uint8Array, mask?: Uint8Array, final = true, wide = 0): Buffer {
  const { length } = payload;
  const form = Math.max(wide, length < 126 ? 0 : length < 65_536 ? 2 : 8);
  const head = Buffer.alloc(2 + form);
  head[0] = (final ? 0x80 : 0) | opcode;
  head[1] = (mask === undefined ? 0 : 0x80) | (form === 0 ? length : form === 2 ? 126 : 127);
  if (form === 2) head.writeUInt16BE(length, 2);
  if (form === 8) head.writeBigUInt64BE(BigInt(length), 2);
  if (mask === undefined) return Buffer.concat([head, payload]);
  return Buffer.concat([head, mask, payload.map((byte, at) => byte ^ (mask[at & 3] ?? 0))]);
}

function decode(chunks: readonly Uint8Array[], of = limits): Received[] {
  const decoder = new FrameDecoder(of);
  return chunks.flatMap((chunk) => decoder.push(chunk));
}

/** The bytes, cut at these places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length));
}

const places = fc.array(fc.nat(), { maxLength: 30 });
const mask = fc.option(fc.uint8Array({ minLength: 4, maxLength: 4 }), { nil: undefined });
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.string({ unit: "binary", maxLength: 60 }).map((text) => new Uint8Array(Buffer.from(text))),
  fc.constantFrom(125, 126, 127, 65_535).map((length) => new Uint8Array(length).fill(120)),
);
const wide = fc.constantFrom(0, 0, 2, 8);

interface Written {
  readonly bytes: Buffer;
  readonly received: Received[];
}

const message: fc.Arbitrary<Written> = fc
  .tuple(fc.boolean(), payload, mask, wide)
  .map(([binary, data, masked, form]) => ({
    bytes: clientFrame(binary ? opcodes.binary : opcodes.text, data, masked, true, form),
    received: [{ kind: "message", data: binary ? data : textOf(data) }],
  }));
const small = fc.uint8Array({ maxLength: 125 });
const ping: fc.Arbitrary<Written> = fc.tuple(small, mask).map(([data, masked]) => ({
  bytes: clientFrame(opcodes.ping, data, masked),
  received: [{ kind: "ping", payload: data }],
}));
const pong: fc.Arbitrary<Written> = fc.tuple(small, mask).map(([data, masked]) => ({
  bytes: clientFrame(opcodes.pong, data, masked),
  received: [{ kind: "pong" }],
}));
/** A message in pieces, with control frames between them. */
const fragmented: fc.Arbitrary<Written> = fc
  .tuple(
    fc.array(fc.uint8Array({ maxLength: 100 }), { minLength: 2, maxLength: 6 }),
    mask,
    fc.array(fc.oneof(ping, pong)),
  )
  .map(([pieces, masked, between]) => {
    const written: Buffer[] = [];
    const received: Received[] = [];
    for (const [at, piece] of pieces.entries()) {
      written.push(
        clientFrame(at === 0 ? opcodes.text : opcodes.continuation, piece, masked, at === pieces.length - 1),
      );
      const other = between[at];
      if (other === undefined || at === pieces.length - 1) continue;
      written.push(other.bytes);
      received.push(...other.received);
    }
    received.push({ kind: "message", data: textOf(Buffer.concat(pieces)) });
    return { bytes: Buffer.concat(written), received };
  });

describe("Frames that come in", () => {
  test("are the same however they are cut, masked, fragmented and interleaved", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(message, ping, pong, fragmented), { maxLength: 8 }), places, (all, at) => {
        const bytes = Buffer.concat(all.map((one) => one.bytes));
        expect(decode(cut(bytes, at))).toEqual(all.flatMap((one) => one.received));
      }),
      { numRuns: 300 },
    );
  });

  test("may come byte by byte", () => {
    const bytes = Buffer.concat([
      clientFrame(1, Buffer.alloc(300, "x"), Buffer.from("mask")),
      clientFrame(9, Buffer.from("ping")),
    ]);
    expect(decode(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual([
      { kind: "message", data: "x".repeat(300) },
      { kind: "ping", payload: Uint8Array.from(Buffer.from("ping")) },
    ]);
  });

  test("are copied: the bytes they came in may be used again, and are left as they were", () => {
    const decoder = new FrameDecoder(limits);
    const bytes = Buffer.concat([
      clientFrame(2, Buffer.from("data"), Buffer.from("mask")),
      clientFrame(1, Buffer.from("rest")),
    ]);
    const [first, second] = [Buffer.from(bytes.subarray(0, 13)), Buffer.from(bytes.subarray(13))];
    const [received] = decoder.push(first);
    expect(first).toEqual(bytes.subarray(0, 13));
    first.fill(0);
    expect(received).toEqual({ kind: "message", data: Uint8Array.from(Buffer.from("data")) });
    expect(decoder.push(second)).toEqual([{ kind: "message", data: "rest" }]);
  });

  test("never throw, whatever the bytes, say one fault at most, and keep nothing after it", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 10 }), (chunks) => {
        const decoder = new FrameDecoder(limits);
        const received = chunks.flatMap((chunk) => decoder.push(chunk));
        const last = received.findIndex(({ kind }) => kind === "fault" || kind === "close");
        expect(last === -1 || last === received.length - 1).toBe(true);
        if (last !== -1) expect(decoder.incomplete).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  test("that are no UTF-8 are read as one byte for each character", () => {
    expect(decode([clientFrame(1, Uint8Array.of(0xe9, 0x21))])).toEqual([{ kind: "message", data: "é!" }]);
    expect(decode([clientFrame(1, Buffer.from("\ufeffé"))])).toEqual([{ kind: "message", data: "\ufeffé" }]);
  });

  const reserved = clientFrame(1, Buffer.from("x"));
  reserved[0] = 0xc1;
  const wrong: readonly (readonly [string, Uint8Array, number])[] = [
    ["with a bit of an extension", reserved, 1002],
    ["of an unknown opcode", clientFrame(3, Buffer.from("x")), 1002],
    ["of an unknown control opcode", clientFrame(11, Buffer.from("x")), 1002],
    ["that go on with nothing", clientFrame(0, Buffer.from("x")), 1002],
    [
      "that begin anew within fragments",
      Buffer.concat([clientFrame(1, Buffer.from("x"), undefined, false), clientFrame(1, Buffer.from("x"))]),
      1002,
    ],
    ["of control that are cut", clientFrame(9, Buffer.from("x"), undefined, false), 1002],
    ["of control that are long", clientFrame(9, Buffer.alloc(126)), 1002],
    ["of close with half a code", clientFrame(8, Uint8Array.of(3)), 1002],
    ["of close with a code that is never sent", clientFrame(8, Uint8Array.of(0x03, 0xee)), 1002],
    ["over the limit", clientFrame(1, Buffer.alloc(65_536)), 1009],
    [
      "that together are over it",
      Buffer.concat([clientFrame(1, Buffer.alloc(65_535), undefined, false), clientFrame(0, Buffer.alloc(1))]),
      1009,
    ],
  ];
  test.each(wrong)("%s are a fault", (_, bytes, code) => {
    expect(decode([bytes])).toMatchObject([{ kind: "fault", code }]);
  });

  test("that claim 2 GB are a fault at their head, before anything is kept for them", () => {
    const decoder = new FrameDecoder(limits);
    const head = Uint8Array.of(0x81, 0xff, 0, 0, 0, 0, 0x80, 0, 0, 0, 1, 2, 3, 4);
    expect(decoder.push(head.subarray(0, 13))).toEqual([]);
    expect(decoder.push(head.subarray(13))).toMatchObject([{ kind: "fault", code: 1009 }]);
    expect(decoder.push(Buffer.alloc(1000))).toEqual([]);
  });

  test("of empty fragments keep nothing", () => {
    const decoder = new FrameDecoder(limits);
    decoder.push(clientFrame(1, Buffer.alloc(0), undefined, false));
    const before = process.memoryUsage().heapUsed;
    for (let count = 0; count < 100_000; count++) decoder.push(clientFrame(0, Buffer.alloc(0), undefined, false));
    Bun.gc(true);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(2_000_000);
    expect(decoder.push(clientFrame(0, Buffer.from("end")))).toEqual([{ kind: "message", data: "end" }]);
  });

  test("of close tell code and reason; an empty one has none", () => {
    expect(decode([clientFrame(8, closePayload(3500, "é"))])).toEqual([{ kind: "close", code: 3500, reason: "é" }]);
    expect(decode([clientFrame(8, closePayload(1005, ""))])).toEqual([{ kind: "close", code: 1005, reason: "" }]);
  });
});

describe("Frames that go out", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 200 });

  test("are whole, unmasked, of the shortest length, and in order", () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 10 }), (texts) => {
        const frames = serverFrames(Buffer.from(encodeTexts(texts)));
        expect(frames.map(({ payload }) => payload.toString())).toEqual(
          texts.map((one) => Buffer.from(one).toString()),
        );
      }),
    );
  });

  test.each([0, 1, 125, 126, 127, 65_535])("of %d bytes", (length) => {
    const bytes = Buffer.from(encodeFrame(opcodes.text, Buffer.alloc(length, "x")));
    expect(bytes.length).toBe(length + (length < 126 ? 2 : 4));
    expect(serverFrames(bytes)).toMatchObject([{ opcode: 1, payload: Buffer.alloc(length, "x") }]);
    expect(decode([bytes])).toEqual([{ kind: "message", data: "x".repeat(length) }]);
  });

  test("are never longer than 65,535 bytes", () => {
    expect(() => encodeTexts(["x".repeat(65_536)])).toThrow(RangeError);
  });

  test("have JSON in ASCII that means the same, and leave other text as it is", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const written = asciiJson(JSON.stringify(value));
        expect(written).toMatch(/^[\x00-\x7f]*$/);
        expect(JSON.parse(written)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
    expect(asciiJson("café {")).toBe("café {");
  });

  test.each([framingOf2015, currentFraming({ message: 1000 }), currentFraming(limits)])(
    "of $name fit exactly if their frame does",
    (framing) => {
      fc.assert(
        fc.property(
          fc.oneof(
            text,
            fc.jsonValue().map((value) => JSON.stringify(value)),
          ),
          fc.constantFrom(1, 5, 100),
          (one, times) => {
            const whole = one.repeat(times);
            const bytes = Buffer.byteLength(framing.frame(whole));
            const most = Number(/\d+$/.exec(framing.name)?.[0].replace("2015", "125") ?? 65_535);
            expect(framing.fits?.(whole)).toBe(bytes <= most);
          },
        ),
      );
    },
  );
});
