/**
 * Loaded before the property tests by `npm run fuzz`: each `fc.assert` is repeated, with new seeds, for as long as
 * FUZZ_SECONDS says. What fails is told with its seed by fast-check itself.
 */

import { mock } from "bun:test";
import { appendFileSync } from "node:fs";
import * as real from "fast-check";

const seconds = Number(process.env["FUZZ_SECONDS"]);
const counts = process.env["FUZZ_COUNTS"];

type Parameters = Record<string, unknown> | undefined;
type Property = { run: (...given: unknown[]) => unknown };
const once = real.assert as unknown as (property: Property, parameters: Parameters) => unknown;

function assert(property: Property, parameters: Parameters): unknown {
  let cases = 0;
  const run = property.run.bind(property);
  property.run = (...given) => {
    cases++;
    return run(...given);
  };
  const note = (): void => {
    if (counts !== undefined) appendFileSync(counts, `${cases}\n`);
  };
  const end = performance.now() + seconds * 1000;
  const first = once(property, parameters);
  if (first instanceof Promise) {
    return (async () => {
      await first;
      while (performance.now() < end) await once(property, parameters);
      note();
    })();
  }
  while (performance.now() < end) once(property, parameters);
  note();
  return undefined;
}

const fc = { ...real, assert };
mock.module("fast-check", () => ({ ...fc, default: { ...real.default, assert } }));
