import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { hashOf, isHash } from "../../src/core/keys.ts";

const source = new URL("../../src/", import.meta.url);
const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));

describe("a key", () => {
  test("is compared as a hash, in constant time, and nowhere else", () => {
    // How long it takes cannot be measured without flukes; so: one function compares, with what the runtime has for it.
    const keys = readFileSync(new URL("core/keys.ts", source), "utf8");
    expect(/export function isHash[\s\S]*?\n}/.exec(keys)?.[0]).toContain("timingSafeEqual(kept, asked)");
    const secret = String.raw`\b\w*(?:[sS]ecret|[pP]assword|\.hash|[aA]piKey|[tT]icket|credential\.text)\b`;
    const compared = new RegExp(
      `${secret} *[!=]== *(?!undefined|null|true|""|"string"|"ticket")\\w|\\w *[!=]== *${secret}(?! *\\()`,
    );
    const lines = files.flatMap((file) =>
      readFileSync(new URL(file, source), "utf8")
        .split("\n")
        .filter((line) => compared.test(line) && !/^\s*(?:\*|\/\/)|undefined|typeof/.test(line))
        .map((line) => `${file}: ${line.trim()}`),
    );
    expect(lines).toEqual([]);
  });

  test("of any length and content is compared as far as any other", () => {
    const hash = hashOf("hw_abcd1234_AAAAAAAAAAAAAAAAAAAAAAAA");
    for (const wrong of ["", "hw_abcd1234_AAAAAAAAAAAAAAAAAAAAAAAB", "x".repeat(100_000), hash]) {
      expect(isHash(hash, wrong)).toBe(false);
    }
    expect(isHash("", "hw_abcd1234_AAAAAAAAAAAAAAAAAAAAAAAA")).toBe(false);
    expect(isHash(hash, "hw_abcd1234_AAAAAAAAAAAAAAAAAAAAAAAA")).toBe(true);
  });
});
