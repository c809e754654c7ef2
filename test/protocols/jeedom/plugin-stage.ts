/** A simulated Jeedom with users, a gateway before it, and clients of Jeedom's plugin: all over real sockets. */
import type { SimulatorOptions } from "../../../simulators/jeedom/server.ts";
import { Simulator } from "../../../simulators/jeedom/server.ts";
import { keyOf } from "../../../simulators/jeedom/users.ts";
import { TestGateway } from "../../http/gateway.ts";
import { until } from "../../transports/raw-client.ts";
import { eventually } from "../deconz/stage.ts";

export const origin = "http://192.168.1.20";

export interface PluginStageOptions {
  /** What the listener, or the whole, has besides. */
  readonly listener?: string;
  /** Where it listens; default: any free port of loopback. */
  readonly listen?: string;
  readonly yaml?: string;
  readonly simulator?: SimulatorOptions;
}

export class PluginStage {
  readonly simulator: Simulator;
  readonly gateway: TestGateway;
  readonly port: number;

  private constructor(simulator: Simulator, gateway: TestGateway) {
    this.simulator = simulator;
    this.gateway = gateway;
    this.port = Number(new URL(gateway.gateway.addresses[1]?.url ?? "").port);
  }

  /** Anna sees everything, Rose only the first equipment. */
  static async open({
    listen = "127.0.0.1:0",
    listener = "",
    yaml = "",
    simulator: wish,
  }: PluginStageOptions = {}): Promise<PluginStage> {
    const simulator = new Simulator({ waitPollingTime: 20, ...wish }).start();
    simulator.users.add("anna");
    const [first] = simulator.house.building.equipments.keys();
    simulator.users.add("rose", "restrict", { [`eqLogic${first}`]: "r" });
    const gateway = await TestGateway.start(
      `bridges: { jeedom: { type: jeedom, url: "${simulator.url}", key: ${simulator.users.apiKey} } }\n` +
        `listeners: [{ listen: "${listen}", protocol: jeedom, ${listener} }]\n${yaml}`,
    );
    const stage = new PluginStage(simulator, gateway);
    const { key } = await gateway.newKey({ subscribe: ["$bridges/jeedom"] });
    await eventually(
      async () => (await gateway.ask("/channels/$bridges/jeedom", { key })).text.includes('"connected"'),
      "the bridge",
    );
    return stage;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/`;
  }

  /** A client that says nothing yet. */
  async connect(url = this.url): Promise<PluginClient> {
    return new PluginClient(url).opens();
  }

  /** One that hears whatever comes from now on. */
  async enter(login: string, more: object = {}, url = this.url): Promise<PluginClient> {
    const client = await this.connect(url);
    client.socket.send(JSON.stringify({ apiKey: keyOf(login), ...more }));
    // Nothing answers a key: it is listening when it hears what is said to all.
    const hello = `hello ${Math.random()}`;
    await eventually(async () => {
      this.say(hello);
      await Bun.sleep(30);
      return client.closed !== undefined || client.texts.some((text) => text.includes(hello));
    }, `${login}'s first event`);
    client.texts.length = 0;
    return client;
  }

  /** An event that is about nothing, which everyone gets. */
  say(text: string): void {
    this.simulator.events.add("test::said", { text });
  }

  async stop(): Promise<void> {
    await this.gateway.stop();
    await this.simulator.stop();
  }
}

export interface HeardEvent {
  readonly datetime: number | string;
  readonly name: string;
  readonly option: unknown;
}

export class PluginClient {
  readonly socket: WebSocket;
  /** Messages as they came. */
  readonly texts: string[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;

  constructor(url: string, headers: Readonly<Record<string, string>> = { origin }) {
    this.socket = new WebSocket(url, { headers, tls: { rejectUnauthorized: false } } as never);
    this.socket.onmessage = ({ data }) => this.texts.push(String(data));
    this.socket.onclose = ({ code, reason }) => {
      this.closed = { code, reason };
    };
  }

  async opens(): Promise<this> {
    await until(() => this.socket.readyState === WebSocket.OPEN || this.closed !== undefined, "the WebSocket");
    return this;
  }

  async closes(limit?: number): Promise<{ readonly code: number; readonly reason: string }> {
    await until(() => this.closed !== undefined, "the end", limit);
    return this.closed ?? { code: 0, reason: "" };
  }

  get events(): HeardEvent[] {
    return this.texts.flatMap((text) => (JSON.parse(text) as { result: HeardEvent[] }).result);
  }

  /** The events whose option has this text. */
  said(text: string): HeardEvent[] {
    return this.events.filter(({ option }) => JSON.stringify(option).includes(text));
  }

  async hears(text: string, limit?: number): Promise<void> {
    await until(() => this.said(text).length > 0, `${text}; heard ${this.texts.join().slice(-300)}`, limit);
  }
}
