/** A simulated house, and a gateway with a bridge to it: all of it real processes' code over real sockets. */

import { isObject } from "../../../simulators/deconz/json.ts";
import { Simulator, type SimulatorOptions } from "../../../simulators/deconz/server.ts";
import { TestGateway } from "../../http/gateway.ts";
import { until } from "../../transports/raw-client.ts";

export const upstreamKey = "0A1B2C3D4E";

export interface StageOptions {
  readonly simulator?: SimulatorOptions;
  /** More of the configuration, and what a listener of the protocol's own has besides. */
  readonly yaml?: string;
  readonly listener?: string;
  /** Default: true. */
  readonly waits?: boolean;
  readonly port?: number;
}

export interface Stage {
  readonly simulator: Simulator;
  readonly gateway: TestGateway;
  /** `host:port` of the listener that speaks nothing but deCONZ. */
  readonly host: string;
  /** A key of ours with these grants; default: all of the bridge. */
  key(grants?: Readonly<Record<string, readonly string[]>>): Promise<string>;
  /** Asks the REST face. */
  rest(path: string, asking?: RestAsking): Promise<RestAnswer>;
  /** What a map channel holds. */
  map(name: string): Promise<Record<string, unknown>>;
  state(): Promise<Record<string, unknown>>;
  becomes(state: string): Promise<void>;
  stop(): Promise<void>;
}

export interface RestAsking {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RestAnswer {
  readonly status: number;
  readonly text: string;
  readonly body: unknown;
  readonly headers: Headers;
}

export const ofBridge = { subscribe: ["deconz/**"], call: ["deconz.*"] } as const;

export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const simulator = new Simulator({ keys: [upstreamKey], ...options.simulator }).start();
  const gateway = await TestGateway.start(
    `bridges: { deconz: { type: deconz, url: "${simulator.url}", key: ${upstreamKey} } }\n` +
      `listeners: [{ listen: "127.0.0.1:${options.port ?? 0}", protocol: deconz, ${options.listener ?? ""} }]\n${options.yaml ?? ""}`,
  );
  const host = gateway.gateway.addresses[1]?.url.slice("http://".length).replace("localhost", "127.0.0.1") ?? "";
  const { key: reader } = await gateway.newKey({ subscribe: ["deconz/**", "$bridges/deconz"] });
  const ask = async (channel: string): Promise<Record<string, unknown>> => {
    const { body } = await gateway.ask(`/channels/${channel}`, { key: reader });
    const { publications } = body as { publications: { key: string; data: unknown }[] };
    return Object.fromEntries(publications.map(({ key, data }) => [key, data]));
  };
  const stage: Stage = {
    simulator,
    gateway,
    host,
    key: async (grants = ofBridge) => (await gateway.newKey(grants)).key,
    async rest(path, { method = "GET", body, headers = {} } = {}) {
      const response = await fetch(`http://${host}${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, text, body: parse(text), headers: response.headers };
    },
    map: (name) => ask(`deconz/${name}`),
    state: () => ask("$bridges/deconz"),
    async becomes(state) {
      let last: object = {};
      const isSo = async (): Promise<boolean> => {
        last = await stage.state();
        return "state" in last && last.state === state;
      };
      await eventually(isSo, state, 15_000).catch(() => {
        throw new Error(`It is ${JSON.stringify(last)}, not ${state}`);
      });
    },
    async stop() {
      await gateway.stop();
      await simulator.stop();
    },
  };
  if (options.waits !== false) await stage.becomes("connected");
  return stage;
}

/** Waits for what has to be asked for. */
export async function eventually(condition: () => Promise<boolean>, what: string, limit = 10_000): Promise<void> {
  const end = performance.now() + limit;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`Waited ${limit} ms in vain: ${what}`);
    await Bun.sleep(5);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A WebSocket, and the frames that it has heard. */
export class Peer {
  readonly frames: string[] = [];
  readonly socket: WebSocket;
  closed: { readonly code: number } | undefined;

  constructor(url: string, headers: Readonly<Record<string, string>> = {}) {
    this.socket = new WebSocket(url, { headers } as never);
    this.socket.onmessage = ({ data }) => this.frames.push(String(data));
    this.socket.onclose = ({ code }) => {
      this.closed = { code };
    };
  }

  async opens(): Promise<this> {
    await until(() => this.socket.readyState === WebSocket.OPEN || this.closed !== undefined, "the WebSocket");
    if (this.closed !== undefined) throw new Error(`It was closed: ${this.closed.code}`);
    return this;
  }

  async hears(count: number): Promise<readonly string[]> {
    await until(() => this.frames.length >= count, `${count} frames; heard ${JSON.stringify(this.frames).slice(-300)}`);
    return this.frames;
  }
}

/** The house without what only a reading of its own can tell. */
export function withoutEtags(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEtags);
  if (!isObject(value)) return value;
  const members = Object.entries(value).filter(([name]) => name !== "etag");
  return Object.fromEntries(members.map(([name, member]) => [name, withoutEtags(member)]));
}

/** What the simulator's house is, in the form of the bridge's maps. */
export function truthOf({ house }: Simulator): Record<string, unknown> {
  const { lights, sensors, groups, alarmsystems } = house.resources;
  const all = { lights, sensors, groups, alarmsystems };
  const whole = Object.entries(all).map(([kind, map]) => [kind, withoutEtags(Object.fromEntries(map))] as const);
  return Object.fromEntries(whole);
}
