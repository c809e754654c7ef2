import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { cursorText, parseCursor } from "../../src/core/cursor.ts";
import { redact } from "../../src/core/redaction.ts";
import { asRefused, closeReason, errorObject, errorText, Refused, refusals } from "../../src/core/refusals.ts";

describe("cursors", () => {
  test("come back as the position that they were made of, and fit in 64 bytes (property)", () => {
    const run = fc.stringMatching(/^[a-z0-9]{8}$/);
    fc.assert(
      fc.property(run, fc.maxSafeNat(), (name, seq) => {
        const text = cursorText(name, seq);
        expect(parseCursor(text)).toEqual({ run: name, seq });
        expect(text.length).toBeLessThan(64);
      }),
    );
  });

  test.each([
    "",
    ".",
    "a",
    "a.",
    ".1",
    "a.1.2",
    "a.-1",
    "a. 1",
    " a.1",
    "a.1\n",
    "a.1e5!",
    "ä.1",
    "a.A",
    "a.zzzzzzzzzzz",
    `${"a".repeat(25)}.1`,
  ])("%p is none", (text) => {
    expect(parseCursor(text)).toBeUndefined();
  });

  test("whatever comes is a position or none, and never an error (property)", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const position = parseCursor(text);
        if (position !== undefined) expect(Number.isSafeInteger(position.seq)).toBe(true);
      }),
    );
  });
});

describe("the table of refusals", () => {
  const all = Object.entries(refusals);

  test("has each code and each name once", () => {
    expect(new Set(all.map(([, { code }]) => code)).size).toBe(all.length);
    expect(new Set(all.map(([, { name }]) => name)).size).toBe(all.length);
  });

  test.each(all)("%s is consistent", (key, { code, name, status, close, comeBack, message, advice }) => {
    expect(name).toBe(key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
    expect(close === 1000 || (close >= 3000 && close <= 4999)).toBe(true);
    expect(status >= 200 && status <= 599).toBe(true);
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(123);
    expect(advice).not.toBe("");
    // Numbers alone tell a client whether to come back.
    if (code >= 3000 && code < 5000) {
      expect(close).toBe(code);
      expect(comeBack).toBe(code < 3500 || (code >= 4000 && code < 4500));
    }
    if (code >= 2000 && code < 3000) expect(comeBack).toBe(code >= 2500);
    if (code < 2000) expect(code >= 100 && code <= 199 && status >= 400).toBe(true);
    // A close that does not let come back is not of a refusal that does.
    expect(comeBack).toBe(comeBack && close < 3500);
  });

  test("is told as one error object", () => {
    const refused = new Refused("permissionDenied", "Cannot publish on a: no such grant");
    expect(JSON.parse(errorText(refused))).toEqual({ error: errorObject(refused) });
    expect(errorObject(refused)).toEqual({
      code: 103,
      name: "permission_denied",
      message: "Cannot publish on a: no such grant",
      doc: "/docs/codes#103",
    });
  });

  test("anything else that is thrown is internal, without its text", () => {
    const refused = new Refused("stale");
    expect(asRefused(refused)).toBe(refused);
    for (const thrown of [new Error("secret"), "secret", undefined, null]) {
      expect(errorText(asRefused(thrown))).not.toContain("secret");
      expect(asRefused(thrown).refusal.code).toBe(100);
    }
  });

  test("a reason fits a close frame, and is cut between characters (property)", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "é", "€", "😀"), maxLength: 200 });
    fc.assert(
      fc.property(text, (reason) => {
        const cut = closeReason(reason);
        expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(123);
        expect(cut.isWellFormed()).toBe(true);
        expect(reason.startsWith(cut)).toBe(true);
        if (Buffer.byteLength(reason) <= 123) expect(cut).toBe(reason);
        else expect(Buffer.byteLength(cut)).toBeGreaterThan(119);
      }),
      { numRuns: 1000 },
    );
  });

  test("a reason of broken Unicode fits too", () => {
    expect(Buffer.byteLength(closeReason("\ud800".repeat(41)))).toBeLessThanOrEqual(123);
    expect(Buffer.byteLength(closeReason("\ud800".repeat(42)))).toBeLessThanOrEqual(123);
  });
});

describe("redaction", () => {
  const secret = "s3cretS3cretS3cretS3cret";

  test.each([
    ["key hw_abcdefghij_… is wrong", `key hw_abcdefghij_${secret} is wrong`],
    ["hearthwire, hearthwire.key.hw_abcdefghij_…", `hearthwire, hearthwire.key.hw_abcdefghij_${secret}`],
    ["GET /channels/a?ticket=…&x=1 HTTP/1.1", `GET /channels/a?ticket=hwt_${secret}&x=1 HTTP/1.1`],
    ["ticket hwt_…", `ticket hwt_${secret}`],
    ["token eyJ… is old", `token eyJhbGciOiJIUzI1NiJ9.eyJ${secret}.${secret} is old`],
    ["/socket?apiKey=…", `/socket?apiKey=${secret}`],
    ["/core/api/jeeApi.php?apikey=…&type=cmd", `/core/api/jeeApi.php?apikey=${secret}&type=cmd`],
    ['{"apiKey":"…","a":1}', `{"apiKey":"${secret}","a":1}`],
    ['{"password" : "…"}', `{"password" : "a\\"${secret}"}`],
    ['"{\\"apiKey\\":\\"…\\"}"', `"{\\"apiKey\\":\\"${secret}\\"}"`],
    ["hw_abcdefghij_… and hw_bbbbbbbbbb_…", `hw_abcdefghij_${secret} and hw_bbbbbbbbbb_${secret}`],
  ])("leaves %s", (clean, text) => {
    expect(redact(text)).toBe(clean);
    expect(redact(text)).not.toContain(secret);
  });

  test.each(["nothing to hide", "/channels/token/a?history=3", '{"data":{"tokens":3}}', "hw_short", ""])(
    "leaves %p as it is",
    (text) => {
      expect(redact(text)).toBe(text);
    },
  );
});
