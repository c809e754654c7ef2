// Coverage-guided: an input that reaches a part of a parser which none before has reached is kept, and others are made of it.
// Runs in Node, whose engine counts what was reached (the runtime's own engine tells it to nobody while a program runs).
// node guided.mjs <bundled targets> <corpus folder> <minutes>; ends with 1 when a parser is at fault.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [bundle = "", corpus = "", minutes = "1"] = process.argv.slice(2);
const session = new Session();
session.connect();
post("Profiler.enable");
const counting = { callCount: true, detailed: true };
post("Profiler.startPreciseCoverage", counting);
const url = pathToFileURL(bundle).href;
/** @type {{ targets: Record<string, (bytes: Uint8Array) => void> }} */
const { targets } = await import(url);

/** Names and signs of the protocols. */
const words =
  `{ } [ ] " : , \\ \\u0000 null true false 0 -1 1e309 {} [] "" \n \r\n \r\n\r\n / ** * $ %2F %00 \xff \xc3\xa9 é
  action sendToChannel sendToDevice multicast subscribe unsubscribe device channel data key removed tags id "id":1 connect publish rpc ping
  since= wait=1 history=3 presence= heartbeat=15 Last-Event-ID: X-API-Key: hw_abcd1234_aaaaaaaaaaaaaaaaaaaaaaaa ticket= t e r event changed added
  deleted scene-called lights sensors groups state attr config on GET HTTP/1.1 Host: Upgrade: websocket Connection: Sec-WebSocket-Key: Sec-WebSocket-Version: 13
  join leave room msg all tf op and or not eq in nex cmp vals nodes __proto__ constructor a.1 http://localhost https://*. .org \x81\x05hello \x89\x00 \x88\x02\x03\xe8 \x01\x00 \x80\x00`.split(
    / +|\n {2}/,
  );

const largest = 400;
/** Inputs that are tried before the engine is asked what they reached: few while there is much to find, then more. */
const [fewest, most] = [32, 32_768];
const share = (Number(minutes) * 60_000) / Object.keys(targets).length;
let faults = 0;
for (const [name, target] of Object.entries(targets)) fuzz(name, target);
process.exit(faults === 0 ? 0 : 1);

/** @param {string} name @param {(bytes: Uint8Array) => void} target */
function fuzz(name, target) {
  const folder = join(corpus, name);
  mkdirSync(folder, { recursive: true });
  const kept = readdirSync(folder).map((file) => readFileSync(join(folder, file)));
  const before = kept.length;
  if (before === 0) kept.push(Buffer.alloc(0));
  /** @type {Set<string>} */
  const reached = new Set();
  taken();
  if (!kept.every((input) => survives(name, target, input, folder))) return;
  for (const place of taken()) reached.add(place);
  let cases = kept.length;
  let batch = fewest;

  /** Those of the inputs that reach what none has reached: found by halves, since the engine takes its time to answer. */
  const keepNew = (/** @type {Buffer[]} */ inputs) => {
    for (const input of inputs) target(new Uint8Array(input));
    const places = taken();
    if (!isNew(places, reached)) return;
    const [input] = inputs;
    if (inputs.length > 1 || input === undefined) {
      const half = inputs.length >> 1;
      keepNew(inputs.slice(0, half));
      keepNew(inputs.slice(half));
      return;
    }
    for (const place of places) reached.add(place);
    kept.push(input);
    writeFileSync(join(folder, nameOf(input)), input);
  };
  const start = performance.now();
  while (performance.now() < start + share / 2) {
    const inputs = Array.from({ length: batch }, () => mutated(kept));
    if (!inputs.every((input) => survives(name, target, input, folder))) return;
    cases += batch;
    if (isNew(taken(), reached)) {
      keepNew(inputs);
      batch = Math.max(batch >> 1, fewest);
    } else batch = Math.min(batch << 1, most);
  }
  // Then as many as there is time for: nobody counts, which is many times quicker.
  post("Profiler.stopPreciseCoverage");
  for (; performance.now() < start + share; cases++) if (!survives(name, target, mutated(kept), folder)) break;
  post("Profiler.startPreciseCoverage", counting);
  console.log(
    `${name.padEnd(22)} ${String(cases).padStart(9)} cases, ${reached.size} places, ${kept.length - before} new inputs kept`,
  );
}

/** @param {string} name @param {(bytes: Uint8Array) => void} target @param {Buffer} input @param {string} folder */
function survives(name, target, input, folder) {
  try {
    target(new Uint8Array(input));
    return true;
  } catch (thrown) {
    faults++;
    const file = join(folder, nameOf(input));
    writeFileSync(file, input);
    console.log(`${name}: at fault with ${file}\n${thrown instanceof Error ? thrown.stack : thrown}`);
    return false;
  }
}

/** What was executed since it was asked last, as places in the bundle. */
function taken() {
  const { result } = /** @type {import("node:inspector").Profiler.TakePreciseCoverageReturnType} */ (
    post("Profiler.takePreciseCoverage")
  );
  /** @type {string[]} */
  const places = [];
  for (const script of result) {
    if (script.url !== url) continue;
    for (const { ranges } of script.functions)
      for (const { startOffset, endOffset, count } of ranges) if (count > 0) places.push(`${startOffset}-${endOffset}`);
  }
  return places;
}

/** @param {string[]} places @param {Set<string>} reached */
function isNew(places, reached) {
  return places.some((place) => !reached.has(place));
}

/** @param {Buffer[]} kept */
function mutated(kept) {
  let bytes = Buffer.from(pick(kept));
  for (let times = 1 + chance(4); times > 0; times--) bytes = mutateOnce(bytes, pick(kept));
  return bytes.subarray(0, largest);
}

/** @param {Buffer} bytes @param {Buffer} other */
function mutateOnce(bytes, other) {
  const at = chance(bytes.length + 1);
  const until = at + chance(bytes.length - at + 1);
  const before = bytes.subarray(0, at);
  const after = bytes.subarray(at);
  switch (chance(7)) {
    case 0:
      return Buffer.concat([before, Buffer.from([chance(256)]), after]);
    case 1:
      return Buffer.concat([before, bytes.subarray(until)]);
    case 2:
      return Buffer.concat([before, bytes.subarray(at, until), after]);
    case 3:
      return Buffer.concat([before, other.subarray(chance(other.length + 1))]);
    case 4:
      return Buffer.concat([before, Buffer.from(pick(words), "latin1"), after]);
    case 5:
      return Buffer.concat([before, Buffer.from(pick(words), "latin1"), bytes.subarray(until)]);
    default: {
      const changed = Buffer.from(bytes);
      if (at < changed.length) changed[at] = (changed[at] ?? 0) ^ (1 << chance(8));
      return changed;
    }
  }
}

/** @template T @param {T[]} list @returns {T} */
function pick(list) {
  return /** @type {T} */ (list[chance(list.length)]);
}

/** @param {number} below */
function chance(below) {
  return Math.floor(Math.random() * below);
}

/** @param {Buffer} input */
function nameOf(input) {
  return createHash("sha256").update(input).digest("hex").slice(0, 16);
}

/** @param {string} method @param {object} [params] @returns {unknown} */
function post(method, params) {
  /** @type {unknown} */
  let answer;
  // The engine of this thread answers before it returns.
  session.post(method, params, (error, result) => {
    if (error) throw new Error(`${method}: ${JSON.stringify(error)}`);
    answer = result;
  });
  return answer;
}
