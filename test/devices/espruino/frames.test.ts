// What the module makes of bytes: pure, so with any bytes in any pieces.
import { expect, test } from "bun:test";
import fc from "fast-check";
import { frame, Reader } from "../../../devices/espruino/src/frames.ts";
import { fromUtf8, toUtf8 } from "../../../devices/espruino/src/utf8.ts";

const bytes = (limits: fc.ArrayConstraints): fc.Arbitrary<string> =>
  fc.array(fc.nat({ max: 255 }), limits).map((codes) => String.fromCharCode(...codes));

/** Cuts a text at places that chance gives. */
function pieces(text: string, cuts: readonly number[]): string[] {
  const places = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b), text.length];
  return places.slice(1).map((end, i) => text.slice(places[i], end));
}

function reading(limit: number) {
  const heard: [number, string][] = [];
  const failed: number[] = [];
  const reader = new Reader(limit, {
    _heard: (opcode, payload) => void heard.push([opcode, payload]),
    _failed: (code) => void failed.push(code),
  });
  return { reader, heard, failed };
}

test("Messages of any bytes come out as they went in, masked or not, whatever the pieces", () => {
  const message = fc.record({
    opcode: fc.constantFrom(1, 2),
    payload: fc.oneof(
      bytes({ maxLength: 200 }),
      fc.constantFrom(125, 126, 127, 65_535).map((size) => "x".repeat(size)),
    ),
    masked: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 12 }), (messages, cuts) => {
      const { reader, heard, failed } = reading(65_535);
      const wire = messages.map(({ opcode, payload, masked }) => frame(opcode, payload, masked)).join("");
      for (const piece of pieces(wire, cuts)) reader._push(piece);
      expect(heard).toEqual(messages.map(({ opcode, payload }) => [opcode, payload]));
      expect(failed).toEqual([]);
    }),
  );
});

test("Whatever the bytes are, nothing is thrown, no message is longer than the limit, and the pieces make no difference", () => {
  fc.assert(
    fc.property(bytes({ maxLength: 400 }), fc.array(fc.nat(), { maxLength: 8 }), (wire, cuts) => {
      const whole = reading(50);
      whole.reader._push(wire);
      expect(
        Math.max(0, ...whole.heard.filter(([opcode]) => opcode < 3).map(([, { length }]) => length)),
      ).toBeLessThanOrEqual(50);
      const cut = reading(50);
      for (const piece of pieces(wire, cuts)) if (!cut.failed.includes(1002)) cut.reader._push(piece);
      expect(cut.heard).toEqual(whole.heard);
      expect(cut.failed).toEqual(whole.failed);
    }),
    { numRuns: 2000 },
  );
});

test("Texts become their UTF-8 and come back", () => {
  // A text of this runtime has two characters where one of a board's would hold a code point beyond 65,535.
  const text = fc.string({ unit: fc.nat({ max: 0xd7ff }).map((code) => String.fromCharCode(code)) });
  fc.assert(
    fc.property(text, (said) => {
      const utf8 = Buffer.from(said).toString("latin1");
      expect(toUtf8(said)).toBe(utf8);
      expect(fromUtf8(utf8)).toBe(said);
    }),
  );
});

test("Bytes that are no UTF-8 are kept as they are", () => {
  expect(fromUtf8("caf\xe9 \xc3\xa9 \x80 \xe2\x82 \xff")).toBe("caf\xe9 \xe9 \x80 \xe2\x82 \xff");
  fc.assert(fc.property(bytes({}), (any) => void fromUtf8(any)));
});
