/** A simulated Jeedom, and a gateway with a bridge to it: all of it real processes' code over real sockets. */
import { Simulator, type SimulatorOptions } from "../../../simulators/jeedom/server.ts";
import { TestGateway } from "../../http/gateway.ts";

export interface StageOptions {
  readonly simulator?: SimulatorOptions;
  /** More options of the bridge, in YAML's flow style: `rest: true`. */
  readonly bridge?: string;
  /** More of the configuration. */
  readonly yaml?: string;
  /** Default: true. */
  readonly waits?: boolean;
}

export interface Stage {
  readonly simulator: Simulator;
  readonly gateway: TestGateway;
  /** A key of ours with these grants; default: all of the bridge. */
  key(grants?: Readonly<Record<string, readonly string[]>>): Promise<string>;
  /** What a map channel holds. */
  map(name: string): Promise<Record<string, Record<string, unknown>>>;
  /** What the channel of events has, oldest first. */
  events(): Promise<readonly Told[]>;
  state(): Promise<Record<string, unknown>>;
  becomes(state: string, limit?: number): Promise<void>;
  /** Waits for what has to be asked for. */
  sees(condition: () => Promise<boolean>, what: string, limit?: number): Promise<void>;
  stop(): Promise<void>;
}

export interface Told {
  readonly data: unknown;
  readonly tags?: Readonly<Record<string, string>>;
}

export const ofBridge = { subscribe: ["jeedom/**"], call: ["jeedom.*"] } as const;

export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const simulator = new Simulator({ waitPollingTime: 50, ...options.simulator }).start();
  const more = options.bridge === undefined ? "" : `, ${options.bridge}`;
  const gateway = await TestGateway.start(
    `bridges: { jeedom: { type: jeedom, url: "${simulator.url}", key: ${simulator.users.apiKey}${more} } }\n` +
      `limits: { queue: { bytes: 64MiB } }\n${options.yaml ?? ""}`,
  );
  const grants = { subscribe: ["jeedom/**", "$bridges/jeedom"], history: ["jeedom/**"] };
  const { key: reader } = await gateway.newKey(grants);
  const ask = async (path: string): Promise<readonly (Told & { readonly key: string })[]> => {
    const { body } = await gateway.ask(`/channels/${path}`, { key: reader });
    return (body as { publications: (Told & { key: string })[] }).publications;
  };
  const map = async (channel: string): Promise<Record<string, unknown>> =>
    Object.fromEntries((await ask(channel)).map(({ key, data }) => [key, data]));
  const stage: Stage = {
    simulator,
    gateway,
    key: async (given = ofBridge) => (await gateway.newKey(given)).key,
    map: async (name) => (await map(`jeedom/${name}`)) as Record<string, Record<string, unknown>>,
    events: () => ask("jeedom/events?history=10000"),
    state: () => map("$bridges/jeedom"),
    async becomes(state, limit = 15_000) {
      let last: Record<string, unknown> = {};
      const isSo = async (): Promise<boolean> => {
        last = await stage.state();
        return last["state"] === state;
      };
      await stage.sees(isSo, state, limit).catch(() => {
        throw new Error(`It is ${JSON.stringify(last)}, not ${state}`);
      });
    },
    async sees(condition, what, limit = 10_000) {
      const end = performance.now() + limit;
      while (!(await condition())) {
        if (performance.now() > end) throw new Error(`Waited ${limit} ms in vain: ${what}`);
        await Bun.sleep(5);
      }
    },
    async stop() {
      await gateway.stop();
      await simulator.stop();
    },
  };
  if (options.waits !== false) await stage.becomes("connected");
  return stage;
}
