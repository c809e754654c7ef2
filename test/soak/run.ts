/**
 * `npm run soak [-- --minutes <n>]`: a gateway under all that happens in months, in 30 minutes unless told otherwise: peers that come and go or
 * stop reading, publishers, renewed certificates, and a bridge whose upstream is lost again and again; beside it one that is
 * restarted, in order or by force, over and over. Prints memory, handles and lag over time; ends with 1 when one of them grows,
 * a gateway ends by itself, a certificate is not taken up, or something that was acknowledged is lost.
 */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { parseArgs } from "node:util";
import { freePort } from "../free-port.ts";
import { makeChain } from "../proxies/certificates.ts";

import { growth, type Sample } from "./growth.ts";
import { comeAndGo, type Figures, publish, stopReading } from "./peers.ts";
import { Process } from "./process.ts";

const { values } = parseArgs({ options: { minutes: { type: "string", default: "30" } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error("Cannot use --minutes: give a number");

const crowd = 60;
const silent = 10;
/** In ms. */
const every = { sample: 5000, restart: 20_000, loss: 45_000, renewal: 100_000 } as const;
/** What the gateway promises for renewed certificates, and a little. */
const renewalPatience = 75_000;

const folder = mkdtempSync(join(tmpdir(), "hearthwire-soak-"));
const over = new AbortController();
const faults: string[] = [];
const figures: Figures = { connected: 0, heard: 0, published: 0, failed: 0 };
const events = { restarts: 0, losses: 0, renewals: 0 };
const samples: Sample[] = [];
let lag = 0;

const tls = join(folder, "tls");
const upstreamPort = freePort();
const [plain, secure, restarted] = [freePort(), freePort(), freePort()];

function renew(): string {
  const made = mkdtempSync(join(folder, "chain-"));
  const { fullchain, privkey } = makeChain(made);
  cpSync(privkey, `${tls}.key`);
  cpSync(fullchain, `${tls}.crt`);
  rmSync(made, { recursive: true });
  return serialOf(`${tls}.crt`);
}

function serialOf(file: string): string {
  return (
    Bun.spawnSync(["openssl", "x509", "-in", file, "-noout", "-serial"]).stdout.toString().trim().split("=")[1] ?? ""
  );
}

function configured(name: string, yaml: string): Process {
  const file = join(folder, `${name}.yaml`);
  const own = `data: ${join(folder, name)}\nunix_socket: { path: ${join(folder, `${name}.sock`)} }\nlog: { level: error }\n`;
  const access =
    "anonymous: { subscribe: [soak/**, deconz/**], publish: [soak/**] }\nlimits: { publish_rate: { key: 0, address: 0 } }\n";
  writeFileSync(file, own + access + yaml);
  return new Process(["src/main.ts", "--json", "serve", "--config", file]);
}

const channels = `channels:
  soak/map: { kind: map }
  soak/kept: { durable: true, history: { size: 500 } }
  soak/rooms/*: { history: { size: 10, ttl: 30s } }
  soak/heavy: { history: { size: 10 } }
`;
const house = new Process([
  "simulators/deconz/main.ts",
  "--port",
  String(upstreamPort),
  "--key",
  "ABCDEF0123",
  "--speed",
  "20",
]);

/** Repeats until the time is over. */
async function repeat(pause: number, task: () => Promise<void>): Promise<void> {
  while (!over.signal.aborted) {
    await Promise.race([
      Bun.sleep(pause),
      new Promise((resolve) => over.signal.addEventListener("abort", resolve, { once: true })),
    ]);
    if (!over.signal.aborted) await task();
  }
}

const url = `http://127.0.0.1:${plain}`;

async function publishers(): Promise<void> {
  const heavy = JSON.stringify("x".repeat(2000));
  await repeat(20, async () => {
    const at = figures.published;
    await publish(url, "soak/heavy", heavy, figures).catch(() => void figures.failed++);
    await publish(url, at % 2 === 0 ? "soak/kept" : "soak/events", String(at), figures).catch(
      () => void figures.failed++,
    );
    await publish(url, `soak/map?key=${at % 50}`, String(at), figures).catch(() => void figures.failed++);
  });
}

/** How late the gateway answers what costs nothing. */
async function probe(): Promise<void> {
  await repeat(250, async () => {
    const start = performance.now();
    const answer = await fetch(`${url}/health/live`).catch(() => undefined);
    if (answer?.ok !== true) faults.push("the gateway does not answer");
    lag = Math.max(lag, performance.now() - start);
  });
}

/** The last number that was acknowledged is there after each restart; what was not may be there too. */
async function restarts(gateway: Process): Promise<void> {
  const at = `http://127.0.0.1:${restarted}`;
  let next = 0;
  await repeat(every.restart, async () => {
    for (let times = 0; times < 50; times++) await publish(at, "soak/kept", String(next++), figures);
    await gateway.end(events.restarts % 2 === 0 ? "SIGTERM" : "SIGKILL");
    await gateway.start();
    events.restarts++;
    const answer = await fetch(`${at}/channels/soak/kept?history=50`);
    const { publications } = (await answer.json()) as { publications: { data: number }[] };
    const kept = publications.map(({ data }) => data);
    const expected = Array.from({ length: 50 }, (_, back) => next - 50 + back);
    if (JSON.stringify(kept) !== JSON.stringify(expected))
      faults.push(`after a restart ${kept.join()} was kept, not ${expected.join()}`);
  });
}

async function losses(): Promise<void> {
  await repeat(every.loss, async () => {
    await house.end(events.losses % 2 === 0 ? "SIGKILL" : "SIGTERM");
    await Bun.sleep(2000);
    await house.start();
    events.losses++;
  });
}

function servedSerial(): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port: secure, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

async function renewals(): Promise<void> {
  await repeat(every.renewal, async () => {
    const serial = renew();
    const end = performance.now() + renewalPatience;
    while ((await servedSerial()) !== serial) {
      if (over.signal.aborted) return;
      if (performance.now() > end) {
        faults.push(`a renewed certificate was not taken up in ${renewalPatience / 1000} s`);
        return;
      }
      await Bun.sleep(1000);
    }
    events.renewals++;
  });
}

function sample(gateway: Process, start: number): void {
  const now = { at: Math.round((performance.now() - start) / 1000), rss: gateway.rss, handles: gateway.handles, lag };
  lag = 0;
  samples.push(now);
  if (samples.length % 6 === 1) print(now);
}

function print({ at, rss, handles, lag: longest }: Sample): void {
  const { connected, published, heard, failed } = figures;
  const { restarts: r, losses: l, renewals: c } = events;
  const columns = [`${at} s`, `RSS ${rss.toFixed(0)} MB`, `${handles} handles`, `lag ${longest.toFixed(0)} ms`];
  const sums = [`${connected} visits`, `${published} published`, `${heard} heard`, `${failed} failed`];
  console.log(
    [...columns, ...sums, `${r} restarts`, `${l} losses`, `${c} renewals`].map((text) => text.padStart(13)).join(" "),
  );
}

async function soak(): Promise<void> {
  renew();
  await house.start();
  const bridge = `bridges: { deconz: { type: deconz, url: "http://127.0.0.1:${upstreamPort}", key: ABCDEF0123 } }\n`;
  const listeners = `listen: 127.0.0.1:${plain}\nlisteners: [{ listen: 127.0.0.1:${secure}, tls: { cert: ${tls}.crt, key: ${tls}.key } }]\n`;
  const gateway = configured("long-lived", listeners + bridge + channels);
  const other = configured("restarted", `listen: 127.0.0.1:${restarted}\n${channels}`);
  try {
    await Promise.all([gateway.start(), other.start()]);
    const start = performance.now();
    const timer = setInterval(() => {
      if (gateway.alive) return sample(gateway, start);
      faults.push("the gateway ended by itself");
      over.abort();
    }, every.sample);
    setTimeout(() => over.abort(), minutes * 60_000);
    const peers = Array.from({ length: crowd }, (_, place) => comeAndGo(url, place, over.signal, figures));
    const stopped = Array.from({ length: silent }, () => stopReading(plain, over.signal));
    await Promise.all([publishers(), probe(), restarts(other), losses(), renewals(), ...peers, ...stopped]);
    clearInterval(timer);
    for (const one of [gateway, other]) {
      const code = await one.end("SIGTERM");
      if (code !== 0) faults.push(`a gateway ended with ${code}`);
    }
  } finally {
    over.abort();
    await Promise.all([gateway, other, house].map((one) => one.end("SIGKILL")));
    rmSync(folder, { recursive: true, force: true });
  }
}

await soak();
const last = samples.at(-1);
if (last !== undefined) print(last);
const told = [...new Set([...faults, ...growth(samples)])];
for (const fault of told) console.log(`At fault: ${fault}`);
console.log(told.length === 0 ? `Nothing grew in ${minutes} minutes.` : `${told.length} faults in ${minutes} minutes.`);
process.exit(told.length === 0 ? 0 : 1);
