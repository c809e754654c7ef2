import { expect, test } from "bun:test";
import fc from "fast-check";
import { numberIn, oneLine, parseObject, textIn } from "../../src/core/json.ts";

test("JSON over several lines becomes one line of the same value, its numbers as they were written", () => {
  expect(oneLine('\n{\r\n\t"a": 1.10,\n  "b":\n [12345678901234567890,\r2e1]\n}\n')).toBe(
    '{"a": 1.10,"b":[12345678901234567890,2e1]}',
  );
});

test("one line of JSON is the same value, however it was laid out (property)", () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom("\t", 2, "\n", "\r\n "), (json, layout) => {
      const value: unknown = JSON.parse(json);
      const laidOut =
        typeof layout === "string" && layout.includes("\n")
          ? `${layout}${json}${layout}`
          : JSON.stringify(value, null, layout);
      const line = oneLine(laidOut);
      expect(line).not.toMatch(/[\r\n]/);
      expect(JSON.parse(line)).toEqual(value);
    }),
  );
});

test("what is no JSON, or no object, is neither (property)", () => {
  for (const text of ["", "{", "1 2", "{\n"]) expect(() => oneLine(text)).toThrow(SyntaxError);
  fc.assert(
    fc.property(fc.string(), (text) => {
      const found = parseObject(text);
      if (found !== undefined) expect(JSON.parse(text)).toEqual(found);
    }),
  );
});

test("A number or a text is read out of whatever JSON there is, also of an object that cannot say what it is", () => {
  const stubborn: unknown = JSON.parse('{"toString":0,"valueOf":0}');
  expect([5, "5", "", " ", null, true, [5], stubborn].map(numberIn)).toEqual([5, 5, ...Array(6).fill(Number.NaN)]);
  expect([5, "5", null, true, [5], stubborn].map(textIn)).toEqual([
    "5",
    "5",
    "null",
    "true",
    "[5]",
    '{"toString":0,"valueOf":0}',
  ]);
});
