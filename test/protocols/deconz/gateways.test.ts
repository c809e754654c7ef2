/** Several gateways at once, and a house that was known before a restart. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Simulator } from "../../../simulators/deconz/server.ts";
import { parseConfig } from "../../../src/config/load.ts";
import { type Gateway, startGateway } from "../../../src/gateway.ts";
import { TestGateway } from "../../http/gateway.ts";
import { overheard } from "../../secrets/ledger.ts";
import { eventually, Peer, upstreamKey } from "./stage.ts";

const nothing = (): void => undefined;
const silent = overheard({ debug: nothing, info: nothing, warn: nothing, error: nothing });

test("two gateways are two bridges: channels, calls and REST faces of their own, and the loss of one is not the other's", async () => {
  const [upper, lower] = [1, 2].map((seed) => new Simulator({ keys: [upstreamKey], seed }).start());
  if (upper === undefined || lower === undefined) throw new Error("no simulators");
  const bridge = ({ url }: Simulator): string => `{ type: deconz, url: "${url}", key: ${upstreamKey} }`;
  const face = (name: string): string => `{ listen: "127.0.0.1:0", protocol: deconz, bridge: ${name} }`;
  const gateway = await TestGateway.start(
    `bridges: { upper: ${bridge(upper)}, lower: ${bridge(lower)} }\nlisteners: [${face("upper")}, ${face("lower")}]\n`,
  );
  const { key } = await gateway.newKey({ subscribe: ["upper/**", "lower/**"], call: ["upper.*", "lower.*"] });
  const hosts = gateway.gateway.addresses.slice(1).map(({ url }) => url.replace("localhost", "127.0.0.1"));
  const nameOf = async (host: string | undefined): Promise<string> => {
    const answer = await fetch(`${host}/api/${key}/lights/1`);
    return answer.status === 200 ? ((await answer.json()) as { name: string }).name : `${answer.status}`;
  };
  await eventually(async () => (await nameOf(hosts[0])).length > 3 && (await nameOf(hosts[1])).length > 3, "both");
  const peers = await Promise.all(hosts.map((host) => new Peer(host.replace("http", "ws")).opens()));
  const body = { resource: "lights", id: "1", name: "Only below" };
  expect((await gateway.ask("/calls/lower.set", { method: "POST", key, body })).status).toBe(200);
  await eventually(async () => (await nameOf(hosts[1])) === "Only below", "the change below");
  expect(await nameOf(hosts[0])).not.toBe("Only below");
  upper.house.change("lights", "2", "state", { bri: 77 });
  expect((await peers[0]?.hears(1))?.at(-1)).toContain('"bri":77');
  expect(peers[1]?.frames.filter((frame) => frame.includes('"bri":77'))).toEqual([]);
  await upper.stop();
  await eventually(async () => (await nameOf(hosts[0])) === "503", "the loss above");
  expect(await nameOf(hosts[1])).toBe("Only below");
  await gateway.stop();
  await lower.stop();
}, 20_000);

test("durable maps hold the house over a restart, also while its gateway is away, and only what changed is published", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hearthwire-durable-"));
  const simulator = new Simulator({ keys: [upstreamKey] }).start();
  const text = `listen: 127.0.0.1:0
data: ${folder}
unix_socket: false
anonymous: { subscribe: ["**"] }
channels: { deconz/*: { durable: true } }
bridges: { deconz: { type: deconz, url: "${simulator.url}", key: ${upstreamKey} } }
`;
  const start = (): Promise<Gateway> => startGateway(parseConfig({ text }), { log: silent });
  const lights = async ({ addresses }: Gateway): Promise<ReadonlyMap<string, { offset: number; data: unknown }>> => {
    const answer = await fetch(`${addresses[0]?.url}/channels/deconz/lights`);
    const { publications } = (await answer.json()) as {
      publications: { key: string; offset: number; data: unknown }[];
    };
    return new Map(publications.map(({ key, offset, data }) => [key, { offset, data }]));
  };
  const before = await start();
  await eventually(async () => (await lights(before)).size === 40, "the house");
  const known = await lights(before);
  await before.stop();
  simulator.unavailable = true;
  simulator.deaf = true;
  simulator.house.change("lights", "5", "state", { bri: 3 });
  const after = await start();
  expect(await lights(after)).toEqual(known);
  simulator.unavailable = false;
  simulator.deaf = false;
  await eventually(async () => JSON.stringify((await lights(after)).get("5")).includes('"bri":3'), "the change");
  const now = await lights(after);
  expect([...now].filter(([id, { offset }]) => offset !== known.get(id)?.offset).map(([id]) => id)).toEqual(["5"]);
  await after.stop();
  await simulator.stop();
  rmSync(folder, { recursive: true });
}, 30_000);
