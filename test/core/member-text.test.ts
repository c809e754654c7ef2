import { expect, test } from "bun:test";
import fc from "fast-check";
import { memberText } from "../../src/core/member-text.ts";

test("a member's text means what the parser says it does, whatever stands around it", () => {
  const object = fc.dictionary(fc.oneof(fc.string(), fc.constantFrom("data", "dat", 'a"data')), fc.jsonValue());
  fc.assert(
    fc.property(object, fc.jsonValue(), fc.constantFrom(0, 1, 3), (others, data, indent) => {
      const text = JSON.stringify({ ...others, data, last: others["data"] ?? 1 }, null, indent);
      const found = memberText(text, "data");
      expect(JSON.parse(found ?? "")).toEqual(JSON.parse(JSON.stringify(data)));
      expect(found).not.toMatch(/[\r\n]/);
    }),
    { numRuns: 1000 },
  );
});

test.each([
  ['{"data":{}}', "{}"],
  ['{"data":12345678901234567890.0}', "12345678901234567890.0"],
  ['{"data":1,"x":{"data":2}}', "1"],
  ['{"x":{"data":2},"data" : 1 }', "1"],
  ['{"data":1,"data":2}', "2"],
  ['{"d\\u0061ta":1}', "1"],
  ['{"\\"data":1,"data":"\\\\"}', '"\\\\"'],
  ['{"x":"data","data":[\n1,\r\n2]}', "[1,2]"],
])("what was written stays as it was: %s", (text, expected) => {
  expect(memberText(text, "data")).toBe(expected);
});

test("a member that is not there has no text", () => {
  expect(memberText('{"x":{"data":1}}', "data")).toBeUndefined();
  expect(memberText("{}", "data")).toBeUndefined();
});
