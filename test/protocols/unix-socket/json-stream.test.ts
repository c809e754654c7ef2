import { expect, test } from "bun:test";
import fc from "fast-check";
import { JsonStream } from "../../../src/protocols/unix-socket/json-stream.ts";

/** What comes out of pieces: values, and `"fault"` in their place. */
function read(pieces: readonly Uint8Array[], limit = 1 << 20): unknown[] {
  const out: unknown[] = [];
  const stream = new JsonStream<unknown>(
    { limit },
    { parse: JSON.parse, value: (value) => out.push({ value }), fault: () => out.push("fault") },
  );
  for (const piece of pieces) stream.push(piece);
  stream.settle();
  return out;
}

const values = (...all: readonly unknown[]): unknown[] => all.map((value) => ({ value }));

/** Cuts at the given places, in any order and as often as they say. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length));
}

const places = fc.array(fc.nat(), { maxLength: 20 });
const space = fc.constantFrom("", " ", "\n", "\r\n", "\n\n", "\t ");
/** JSON as somebody might write it: on one line or many. */
const written = fc.tuple(fc.jsonValue(), fc.constantFrom(0, 2), fc.boolean()).map(([value, indent, ascii]) => {
  const text = JSON.stringify(value, null, indent);
  return ascii ? text.replace(/[^\x20-\x7e\n]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`) : text;
});

test("any sequence of values comes out as it went in, however it is cut and separated", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(written, space)), places, (sequence, cuts) => {
      // Two numbers need something between them, or they are one.
      const text = sequence.map(([json, after]) => json + (/[\d]$/.test(json) && after === "" ? " " : after)).join("");
      expect(read(cut(Buffer.from(text), cuts))).toEqual(values(...sequence.map(([json]) => JSON.parse(json))));
    }),
    { numRuns: 500 },
  );
});

const fragments = fc.constantFrom(
  '{"a":',
  "}",
  "[",
  "]",
  '"x"',
  '"\\',
  "1",
  "-",
  ".5",
  "e",
  "tru",
  "null",
  ",",
  "\n",
  " ",
  "é",
  "\xff",
  "}{",
);
const garbage = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.array(fragments, { maxLength: 30 }).map((parts) => new Uint8Array(Buffer.from(parts.join(""), "latin1"))),
  fc.array(fragments, { maxLength: 30 }).map((parts) => new Uint8Array(Buffer.from(parts.join(""), "utf8"))),
);

test("arbitrary bytes never throw, and give the same however they are cut", () => {
  fc.assert(
    fc.property(garbage, places, fc.constantFrom(5, 1 << 20), (bytes, cuts, limit) => {
      expect(read(cut(bytes, cuts), limit)).toEqual(read([bytes], limit));
    }),
    { numRuns: 2000 },
  );
});

test("garbage up to a newline is one fault, and what comes after it is read", () => {
  const broken = fc.string({ minLength: 1 }).map((text) => `@${text.replaceAll("\n", "")}`);
  fc.assert(
    fc.property(fc.array(broken, { maxLength: 5 }), places, (lines, cuts) => {
      const text = `${lines.map((line) => `${line}\n`).join("")}{"good":1}`;
      expect(read(cut(Buffer.from(text), cuts))).toEqual([...lines.map(() => "fault"), ...values({ good: 1 })]);
    }),
  );
});

test.each([
  ['{"a":tru}\n1', ["fault", { value: 1 }]],
  ['{"a":1,}\n1', ["fault", { value: 1 }]],
  ["{'a':1}\n1", ["fault", { value: 1 }]],
  ['{"a":1} oops {"b":2}\n1', [{ value: { a: 1 } }, "fault", { value: 1 }]],
  ["01\n1", ["fault", { value: 1 }]],
  ["1-2\n1", ["fault", { value: 1 }]],
  ['"\\q"\n1', ["fault", { value: 1 }]],
  ['{"a":"x\ny"}\n1', ["fault", "fault", { value: 1 }]],
  ["]\n1", ["fault", { value: 1 }]],
  ["\ufeff1\n1", ["fault", { value: 1 }]],
])("an error costs the rest of its line: %j", (text, expected) => {
  expect(read([Buffer.from(text)])).toEqual(expected);
});

test("bytes that are no UTF-8 are a fault, wherever they stand", () => {
  const line = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}\n{"b":1}\n')]);
  expect(read([line])).toEqual(["fault", { value: { b: 1 } }]);
  expect(read([line.subarray(0, 7), line.subarray(7)])).toEqual(["fault", { value: { b: 1 } }]);
});

test("scalars end at a space, at the next value, or when nothing follows", () => {
  expect(read([Buffer.from('5 -1.5e3"x"truefalse null{}7[]8')])).toEqual(
    values(5, -1500, "x", true, false, null, {}, 7, [], 8),
  );
});

test("a value that nobody finishes is a fault, a number that may end there is one", () => {
  for (const text of ['{"a":', '"x', "tru", "-", "1.", "1e"]) expect(read([Buffer.from(text)])).toEqual(["fault"]);
  expect(read([Buffer.from("12")])).toEqual(values(12));
});

test("a value of exactly the limit is read, one byte more is a fault", () => {
  const text = JSON.stringify("x".repeat(98));
  expect(read([Buffer.from(`${text}\n`)], 100)).toEqual(values("x".repeat(98)));
  expect(read([Buffer.from(`"${"x".repeat(99)}"\n1 `)], 100)).toEqual(["fault", { value: 1 }]);
});

test("a megabyte that comes byte by byte is read in a time that grows with its length", () => {
  const bytes = Buffer.from(JSON.stringify({ data: "x".repeat((1 << 20) - 20) }));
  let read = 0;
  const stream = new JsonStream({ limit: 1 << 20 }, { parse: JSON.parse, value: () => read++, fault: () => undefined });
  const begun = performance.now();
  for (let at = 0; at < bytes.length; at++) stream.push(bytes.subarray(at, at + 1));
  expect(read).toBe(1);
  expect(performance.now() - begun).toBeLessThan(5000);
});

test("a value that is nested as deep as a megabyte allows harms nobody", () => {
  const deep = "[".repeat(500_000) + "]".repeat(500_000);
  expect(read([Buffer.from(deep)])).toHaveLength(1);
  expect(read([Buffer.from("[".repeat(1_000_000))])).toEqual(["fault"]);
});
