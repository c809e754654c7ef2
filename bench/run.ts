/** `npm run bench`: measures the gateway beside the floor and its peers, prints the table and writes it as JSON. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildTools } from "./build.ts";
import { canPin, endAll, killAll } from "./processes.ts";
import { isMet, tableOf } from "./report.ts";
import { boards } from "./scenarios/boards.ts";
import { channels } from "./scenarios/channels.ts";
import { connects } from "./scenarios/connects.ts";
import { deconz } from "./scenarios/deconz.ts";
import { centrifugeFlood, flood } from "./scenarios/flood.ts";
import { growth } from "./scenarios/growth.ts";
import { ingest } from "./scenarios/ingest.ts";
import { jeedom } from "./scenarios/jeedom.ts";
import { jeedomBridge } from "./scenarios/jeedom-bridge.ts";
import { centrifugeMemory, memory } from "./scenarios/memory.ts";
import { paced } from "./scenarios/paced.ts";
import { phones } from "./scenarios/phones.ts";
import { stoppedReaders } from "./scenarios/stopped.ts";
import { killed, maps, recovery } from "./scenarios/storms.ts";
import { type Effort, type Outcome, type Row, Workshop } from "./workshop.ts";

const scenarios: Record<string, (workshop: Workshop) => Promise<Outcome>> = {
  flood,
  "centrifuge-flood": centrifugeFlood,
  paced,
  channels,
  ingest,
  connects,
  memory,
  "centrifuge-memory": centrifugeMemory,
  growth,
  stopped: stoppedReaders,
  recovery,
  maps,
  killed,
  deconz,
  boards,
  jeedom,
  "jeedom-bridge": jeedomBridge,
  phones,
};

const whole: Effort = { reps: 5, window: 1.5, settle: 0.6, crowd: 10_000, rest: 4 };
const quick: Effort = { reps: 1, window: 0.8, settle: 0.4, crowd: 4000, rest: 2 };

const usage = `npm run bench -- [options]
  --only a,b     only these scenarios: ${Object.keys(scenarios).join(", ")}
  --quick        every scenario once and short: does it run, not how fast
  --reps N       repetitions (default ${whole.reps})
  --json         print the results as JSON instead of the table
  --profile DIR  the gateway leaves CPU profiles in DIR
  --against FILE run FILE in the gateway's place`;

const root = join(import.meta.dir, "..");
const say = (text: string): void => console.error(`  ${text}`);

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    killAll();
    process.exit(130);
  });
}
// A folder of this run for sockets, data and progress pages.
const folder = mkdtempSync(join(tmpdir(), "hearthwire-bench-"));
process.on("exit", () => {
  killAll();
  rmSync(folder, { recursive: true, force: true });
});
process.exitCode = await main();

async function main(): Promise<number> {
  const { values: given } = parseArgs({
    options: {
      only: { type: "string" },
      quick: { type: "boolean", default: false },
      reps: { type: "string" },
      json: { type: "boolean", default: false },
      profile: { type: "string" },
      against: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (given.help) {
    console.log(usage);
    return 0;
  }
  const names = given.only?.split(",") ?? Object.keys(scenarios);
  const unknown = names.find((name) => !(name in scenarios));
  const reps = Number(given.reps ?? (given.quick ? quick.reps : whole.reps));
  if (unknown !== undefined || !(reps >= 1 && reps <= 100)) {
    console.error(
      unknown === undefined ? "--reps must be from 1 to 100" : `There is no scenario ${unknown}.\n${usage}`,
    );
    return 2;
  }
  const effort = { ...(given.quick ? quick : whole), reps };
  try {
    const tools = buildTools();
    const workshop = new Workshop(tools, effort, { root, folder, against: given.against, profile: given.profile }, say);
    return await measure(workshop, names, given.json);
  } catch (thrown) {
    console.error(thrown instanceof Error ? thrown.message : thrown);
    return 1;
  } finally {
    await endAll();
  }
}

async function measure(workshop: Workshop, names: readonly string[], json: boolean): Promise<number> {
  const started = new Date();
  const rows: Row[] = [];
  const raw: Record<string, unknown> = {};
  const failures: string[] = [];
  const [load = 0] = loadavg();
  if (load > 0.5)
    say(`The machine is busy (load ${load.toFixed(1)}): rates say little now, and ratios less than usual.`);
  if (!canPin()) say("Not pinned: this needs two cores and taskset. Ratios mean less.");
  for (const name of names) {
    try {
      const outcome = await scenarios[name]?.(workshop);
      rows.push(...(outcome?.rows ?? []));
      raw[name] = outcome?.raw;
    } catch (thrown) {
      // The other scenarios are worth their time all the same.
      failures.push(`${name}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
      await endAll();
    }
  }
  const seconds = Math.round((Date.now() - started.getTime()) / 1000);
  const machine = {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    runtime: `Bun ${Bun.version}`,
    pinned: canPin(),
    load,
  };
  const frameBytes = await workshop.frameLength();
  const { effort } = workshop;
  const result = { started: started.toISOString(), seconds, machine, effort, frameBytes, failures, rows, raw };
  const text = `${JSON.stringify(result, null, 2)}\n`;
  const file = join(root, "bench", "results", `${started.toISOString().replaceAll(":", "-").slice(0, 19)}.json`);
  mkdirSync(join(root, "bench", "results"), { recursive: true });
  writeFileSync(file, text);
  console.log(json ? text : tableOf(rows));
  const missed = rows.filter((row) => isMet(row) === false).length;
  say(
    `${seconds} s; frames of ${frameBytes} bytes; unsteady pairs thrown away: ${workshop.thrownAway}; targets not met: ${missed}`,
  );
  say(`written to ${file}`);
  for (const failure of failures) say(`FAILED ${failure}`);
  return failures.length > 0 ? 1 : 0;
}
