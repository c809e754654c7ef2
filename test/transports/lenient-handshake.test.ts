import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { Refused } from "../../src/core/refusals.ts";
import {
  generationOf,
  HeadReader,
  parseHead,
  type RequestHead,
  switchingAnswer,
  wantsWebSocket,
} from "../../src/transports/lenient-handshake.ts";
import { currentRequest, requestOf2015 } from "../protocols/espruino/stage.ts";

function head(...lines: string[]): RequestHead {
  return parseHead(["GET / HTTP/1.1", ...lines].join("\r\n"));
}

function answer(of: RequestHead, subprotocol?: string): string {
  return Buffer.from(switchingAnswer(of, subprotocol)).toString("latin1");
}

describe("A request head", () => {
  test("is read the same however it is cut, and leaves the bytes after it", () => {
    const request = Buffer.from(currentRequest());
    const rest = Buffer.from([0x81, 0x01, 0x31, 0x0d, 0x0a, 0x0d, 0x0a]);
    const bytes = Buffer.concat([request, rest]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: bytes.length - 1 }), { maxLength: 40 }), (places) => {
        const cuts = [0, ...[...new Set(places)].sort((a, b) => a - b), bytes.length];
        const reader = new HeadReader(8192);
        let found: ReturnType<HeadReader["push"]>;
        const after: Uint8Array[] = [];
        for (const [at, from] of cuts.slice(0, -1).entries()) {
          const piece = bytes.subarray(from, cuts[at + 1]);
          if (found === undefined) {
            found = reader.push(piece);
            if (found !== undefined) after.push(found.rest);
          } else after.push(piece);
        }
        expect(found?.head.headers.get("origin")).toBe("Espruino");
        expect(Buffer.concat(after)).toEqual(rest);
      }),
    );
  });

  test("is refused, and nothing worse, whatever the bytes", () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom("GET / HTTP/1.1\r\n", "\r\n", "a: b\n", ": \0\r\n").map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const reader = new HeadReader(500);
        try {
          for (const one of pieces) if (reader.push(one) !== undefined) return;
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Refused);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("has an end to its size", () => {
    const reader = new HeadReader(100);
    expect(() => reader.push(Buffer.from(`GET / HTTP/1.1\r\nx: ${"y".repeat(100)}`))).toThrow(Refused);
    expect(() => new HeadReader(100).push(Buffer.from(`GET / HTTP/1.1\r\nx: ${"y".repeat(100)}\r\n\r\n`))).toThrow(
      Refused,
    );
  });

  test("asks for a WebSocket in any case of its letters, with lines that end as they like", () => {
    expect(wantsWebSocket(parseHead("GET /x HTTP/1.0\nUPGRADE:WebSocket\nsec-websocket-KEY:   a"))).toBe(true);
    expect(wantsWebSocket(head("Upgrade: h2c, websocket"))).toBe(true);
    expect(wantsWebSocket(head("Upgrade: h2c"))).toBe(false);
    expect(wantsWebSocket(parseHead("POST / HTTP/1.1\r\nUpgrade: websocket"))).toBe(false);
  });

  test("tells the generation", () => {
    expect(generationOf(parseHead(requestOf2015.join("").trimEnd()))).toBe("2015");
    expect(generationOf(parseHead(currentRequest().trimEnd()))).toBe("current");
    expect(generationOf(head("Sec-WebSocket-Key: abc"))).toBe("2015");
    expect(generationOf(head("Host: x", "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw=="))).toBe("2015");
  });
});

describe("The answer", () => {
  test("is what both generations look for", () => {
    expect(answer(parseHead(requestOf2015.join("").trimEnd()))).toBe(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        "Sec-WebSocket-Accept: HSmrc0sMlYUkAGmm5OPpG2HaGWk=\r\n\r\n",
    );
  });

  test("is made of the key as it stands, also of one that is no 16 bytes", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[!-~]{1,40}$/), (key) => {
        const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
        expect(answer(head("Host: x", `Sec-WebSocket-Key: ${key}`))).toContain(`Sec-WebSocket-Accept: ${accept}\r\n`);
      }),
    );
  });

  test("is shorter than what a board's first event holds, and names the subprotocol that was chosen where it fits", () => {
    const request = head("Host: x", "Sec-WebSocket-Key: abc");
    expect(answer(request, "protocolOne")).toContain("Sec-WebSocket-Protocol: protocolOne\r\n");
    const long = answer(request, "p".repeat(200));
    expect(long).not.toContain("Protocol: p");
    expect(long.length).toBeLessThan(268);
  });

  test("is a refusal without a key, and for what came before the RFC", () => {
    expect(() => answer(head("Host: x"))).toThrow("no Sec-WebSocket-Key");
    expect(() => answer(head("Sec-WebSocket-Key: a", "Sec-WebSocket-Version: 7"))).toThrow("version 7");
    expect(answer(head("Sec-WebSocket-Key: a", "Sec-WebSocket-Version: 8"))).toContain("101");
  });
});
