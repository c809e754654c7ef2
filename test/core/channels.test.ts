import { describe, expect, spyOn, test } from "bun:test";
import fc from "fast-check";
import {
  covers,
  foreignName,
  matches,
  nameFault,
  PatternTable,
  patternFault,
  requireName,
  requirePattern,
  select,
} from "../../src/core/channels.ts";
import { Refused } from "../../src/core/refusals.ts";

/** The rule as one would say it, and nothing else. */
function plainlyMatches(pattern: string, name: string): boolean {
  if (!pattern.includes("*")) return pattern === name;
  if (name.startsWith("$")) return false;
  const levels = pattern.split("/");
  const parts = name.split("/");
  const rest = levels.at(-1) === "**" ? levels.length - 1 : undefined;
  if (rest === undefined ? levels.length !== parts.length : parts.length <= rest) return false;
  return levels.slice(0, rest).every((level, at) => level === "*" || level === parts[at]);
}

const word = fc.constantFrom("a", "b", "$c", "*x".slice(1));
const name = fc.array(word, { minLength: 1, maxLength: 4 }).map((levels) => levels.join("/"));
const pattern = fc
  .tuple(fc.array(fc.oneof(word, fc.constant("*")), { maxLength: 3 }), fc.boolean())
  .map(([levels, rest]) => [...levels, ...(rest || levels.length === 0 ? ["**"] : [])].join("/"));

describe("names", () => {
  test.each([
    "a",
    "home/lights",
    "a.b:c-d_e~f",
    "ünï/ço/dé",
    "😀",
    "$device/abc",
    "a/$b",
    "%2F",
    '"quoted"',
    "x".repeat(255),
    "é".repeat(127),
  ])("%p is one", (text) => {
    expect(nameFault(text)).toBeUndefined();
    expect(requireName(text)).toBe(text);
  });

  test.each([
    ["", "it is empty"],
    ["/a", "it has an empty level"],
    ["a/", "it has an empty level"],
    ["a//b", "it has an empty level"],
    ["/", "it has an empty level"],
    ["a b", "it has a space, a control character, `,` or `*`"],
    ["a,b", "it has a space, a control character, `,` or `*`"],
    ["a/*", "it has a space, a control character, `,` or `*`"],
    ["a\n", "it has a space, a control character, `,` or `*`"],
    ["a\u0000b", "it has a space, a control character, `,` or `*`"],
    ["a\u007f", "it has a space, a control character, `,` or `*`"],
    ["a\u0085", "it has a space, a control character, `,` or `*`"],
    ["a\ud800", "it is not valid Unicode"],
    ["x".repeat(256), "it is longer than 255 bytes"],
    ["é".repeat(128), "it is longer than 255 bytes"],
    ["😀".repeat(64), "it is longer than 255 bytes"],
  ])("%p is none: %s", (text, fault) => {
    expect(nameFault(text)).toBe(fault);
    const kind = fault.includes("longer") ? "limit_exceeded" : "bad_request";
    try {
      requireName(text);
      throw new Error("Cannot be a name");
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(Refused);
      if (thrown instanceof Refused) {
        expect(thrown.refusal.name).toBe(kind);
        expect(thrown.message).toStartWith("Cannot use channel ");
        expect(thrown.message.length).toBeLessThan(600);
      }
    }
  });
});

describe("patterns", () => {
  test.each(["*", "**", "a/*", "a/**", "*/b/*", "*/**", "a/b"])("%p is one", (text) => {
    expect(patternFault(text)).toBeUndefined();
    expect(requirePattern(text)).toBe(text);
  });

  test.each([
    ["**/a", "`**` must be its last level"],
    ["a/**/b", "`**` must be its last level"],
    ["a*", "`*` must be a whole level"],
    ["a/b*/c", "`*` must be a whole level"],
    ["***", "`*` must be a whole level"],
    ["/*", "it has an empty level"],
    ["*/", "it has an empty level"],
    ["*//a", "it has an empty level"],
    ["* ", "`*` must be a whole level"],
    ["a b/*", "it has a space, a control character, `,` or `*`"],
    [`${"x".repeat(254)}/*`, "it is longer than 255 bytes"],
    ["", "it is empty"],
  ])("%p is none: %s", (text, fault) => {
    expect(patternFault(text)).toBe(fault);
    expect(() => requirePattern(text)).toThrow(fault);
  });

  test("match what they say, and nothing reserved (property)", () => {
    fc.assert(
      fc.property(pattern, name, (wild, plain) => {
        expect(matches(wild, plain)).toBe(plainlyMatches(wild, plain));
      }),
      { numRuns: 2000 },
    );
  });

  test("cover a name exactly when they match it (property)", () => {
    fc.assert(
      fc.property(pattern, name, (wild, plain) => {
        expect(covers(wild, plain)).toBe(plainlyMatches(wild, plain));
      }),
      { numRuns: 2000 },
    );
  });

  test("cover another exactly when they match all that it matches (property)", () => {
    // Every name of up to five levels; `z` stands for whatever no pattern names.
    const levels = ["a", "b", "$c", "x", "z"];
    const names = ["a", "b", "x", "z"];
    for (let at = 0; at < names.length && names.length < 4 * 5 ** 4; at++) {
      for (const level of levels) names.push(`${names[at]}/${level}`);
    }
    fc.assert(
      fc.property(pattern, pattern, (outer, inner) => {
        if (outer === inner || inner.startsWith("$")) return;
        const matched = names.filter((one) => plainlyMatches(inner, one));
        expect(covers(outer, inner)).toBe(matched.every((one) => plainlyMatches(outer, one)));
      }),
      { numRuns: 300 },
    );
  });

  test("never cover what is reserved, unless they are the same", () => {
    expect(covers("**", "$device/a")).toBe(false);
    expect(covers("*/a", "$device/a")).toBe(false);
    expect(covers("$device/*", "$device/a")).toBe(false);
    expect(covers("$device/a", "$device/a")).toBe(true);
  });
});

describe("selectors", () => {
  test("of the same content have the same id, whatever the order and the doubles", () => {
    const one = select(["b", "a", "x/*", "a"]);
    expect(select(["x/*", "a", "b"])).toMatchObject({ id: one.id });
    expect(one).toEqual({ id: "a,b,x/*", names: ["b", "a"], patterns: ["x/*"] });
    expect(select(["a"])).toEqual({ id: "a", names: ["a"], patterns: [] });
  });

  test("do not name what their patterns reach", () => {
    expect(select(["a/b", "a/*", "c", "$a/b"]).names).toEqual(["c", "$a/b"]);
  });

  test.each([[[]], [["a", ""]], [["a b"]], [["a", "**/b"]]])("of %p are refused", (parts) => {
    expect(() => select(parts)).toThrow(Refused);
  });
});

describe("foreign names", () => {
  const odd = fc.string({
    unit: fc.constantFrom(..."aF2%/$*, \n\u0085é😀".split(/(?:)/u)),
    minLength: 1,
    maxLength: 12,
  });

  test.each(["levels", "level"] as const)("become %s that are names, two never the same (property)", (shape) => {
    fc.assert(
      fc.property(odd, odd, (one, other) => {
        const safe = foreignName(one, shape);
        expect(nameFault(safe)).toBeUndefined();
        if (shape === "level") {
          expect(safe).not.toContain("/");
          expect(safe).not.toStartWith("$");
        }
        if (one !== other) expect(foreignName(other, shape)).not.toBe(safe);
      }),
      { numRuns: 5000 },
    );
  });

  test.each([
    ["kitchen", "level", "kitchen"],
    ["a/b", "level", "a%2Fb"],
    ["a/b", "levels", "a/b"],
    ["/a//b/", "levels", "%2Fa%2F/b%2F"],
    ["$devices", "level", "%24devices"],
    ["$devices", "levels", "$devices"],
    ["living room", "level", "living%20room"],
    ["50%", "level", "50%"],
    ["50%25", "level", "50%2525"],
    ["a*", "level", "a%2A"],
  ] as const)("%p as %s is %p", (foreign, shape, safe) => {
    expect(foreignName(foreign, shape)).toBe(safe);
  });

  test("that cannot be made a name are refused", () => {
    expect(() => foreignName("", "level")).toThrow(Refused);
    expect(() => foreignName(" ".repeat(86), "level")).toThrow("longer than 255 bytes");
  });
});

describe("a table of patterns", () => {
  test("finds what matching each of them finds, in the order in which they were added (property)", () => {
    const change = fc.record({ pattern: fc.oneof(pattern, name), value: fc.nat(5), add: fc.boolean() });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), fc.array(name, { maxLength: 10 }), (changes, names) => {
        const table = new PatternTable<number>();
        let plain: { pattern: string; value: number }[] = [];
        for (const { pattern: wild, value, add } of changes) {
          if (add) {
            table.add(wild, value);
            plain.push({ pattern: wild, value });
          } else {
            table.remove(wild, value);
            plain = plain.filter((one) => one.pattern !== wild || one.value !== value);
          }
        }
        expect(table.size).toBe(plain.length);
        for (const one of names) {
          const found = plain.filter((entry) => plainlyMatches(entry.pattern, one)).map(({ value }) => value);
          expect(table.match(one)).toEqual(found);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("keeps no levels of patterns that were taken out (property)", () => {
    const get = spyOn(Map.prototype, "get");
    try {
      fc.assert(
        fc.property(fc.array(fc.oneof(pattern, name), { maxLength: 30 }), name, (all, one) => {
          const table = new PatternTable<string>();
          table.add("**", "stays");
          for (const each of all) table.add(each, each);
          for (const each of all) table.remove(each, each);
          expect(table.size).toBe(1);
          get.mockClear();
          expect(table.match(one)).toEqual(one.startsWith("$") ? [] : ["stays"]);
          // A level that is left behind is one that is looked into.
          expect(get.mock.calls.length).toBe(0);
        }),
      );
    } finally {
      get.mockRestore();
    }
  });

  test("takes as many steps with ten thousand patterns that do not match as with ten", () => {
    const get = spyOn(Map.prototype, "get");
    const steps = (patterns: number): number => {
      const table = new PatternTable<number>();
      for (let at = 0; at < patterns; at++) table.add(`house/${at}/*/state`, at);
      table.add("house/7/**", -1);
      get.mockClear();
      expect(table.match("house/7/kitchen/light")).toEqual([-1]);
      return get.mock.calls.length;
    };
    try {
      const few = steps(10);
      expect(few).toBeGreaterThan(0);
      expect(steps(10_000)).toBe(few);
    } finally {
      get.mockRestore();
    }
  });
});
