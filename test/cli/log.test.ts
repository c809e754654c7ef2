import { describe, expect, test } from "bun:test";
import { openLog } from "../../src/cli/log.ts";

const secret = "hw_abcdefghij_0123456789abcdefghijklmn";

function written(format: "text" | "json", isTTY = false): { lines: string[]; log: ReturnType<typeof openLog> } {
  const lines: string[] = [];
  return { lines, log: openLog({ level: "info", format }, { isTTY, write: (text: string) => lines.push(text) }) };
}

describe.each(["text", "json"] as const)("The log as %s", (format) => {
  test("has no secret, wherever it stands", () => {
    const { lines, log } = written(format);
    log.info({ key: secret, nested: { url: `/devices?ticket=hwt_topsecret&x=1` } }, `A peer showed ${secret}`);
    log.error({ err: new Error(`Cannot use ${secret}`) }, "Cannot answer a request");
    const all = lines.join("");
    expect(all).not.toContain("0123456789abcdefghijklmn");
    expect(all).not.toContain("topsecret");
    expect(all).toContain("hw_abcdefghij_…");
  });

  test("leaves out what is less important than its level", () => {
    const { lines, log } = written(format);
    log.debug({}, "detail");
    log.warn({}, "warning");
    expect(lines).toHaveLength(1);
    expect(lines[0]).toEndWith("\n");
  });
});
