import { expect, test } from "bun:test";
import { collectMemory } from "../../src/transports/system.ts";

const MiB = 1024 * 1024;

test("a small heap is collected at once; a large one, which would stop all else for long, is left alone", () => {
  let collected = 0;
  const collect = (): void => {
    collected++;
  };
  expect(collectMemory(32 * MiB, collect)).toBe(true);
  expect(collectMemory(33 * MiB, collect)).toBe(false);
  expect(collected).toBe(1);
});
