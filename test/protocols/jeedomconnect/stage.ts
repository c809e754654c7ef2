/** A plugin's end, a gateway before it, and phones: all over real sockets. */
import { TestGateway } from "../../http/gateway.ts";
import { until } from "../../transports/raw-client.ts";
import { keyOf, PluginEnd, pluginKey } from "./plugin-end.ts";

export interface StageOptions {
  /** Whether the plugin can bring its answers. Default: yes. */
  readonly port?: boolean;
  /** More options of the bridge, in YAML's flow style. */
  readonly bridge?: string;
  /** More bridges, likewise. */
  readonly bridges?: string;
  /** In the place of one for phones. */
  readonly listeners?: string;
  readonly yaml?: string;
}

const phonesListener = 'listeners: [{ listen: "127.0.0.1:0", protocol: jeedomconnect, bridge: jc }]\n';

export class Stage {
  readonly plugin: PluginEnd;
  gateway: TestGateway;
  readonly phones: Phone[] = [];
  readonly #yaml: string;

  private constructor(plugin: PluginEnd, gateway: TestGateway, yaml: string) {
    this.plugin = plugin;
    this.gateway = gateway;
    this.#yaml = yaml;
  }

  static async open({
    port = true,
    bridge = "",
    bridges = "",
    listeners = phonesListener,
    yaml = "",
  }: StageOptions = {}): Promise<Stage> {
    const plugin = await PluginEnd.open();
    const socketPort = port ? plugin.socketPort : false;
    const options = `type: jeedomconnect, url: "${plugin.callback}", key: ${pluginKey}, socket_port: ${socketPort}`;
    const whole = `bridges: { jc: { ${options}, ${bridge} }, ${bridges} }\n${listeners}${yaml}`;
    const gateway = await TestGateway.start(whole);
    await until(() => plugin.of("GET_PLUGIN_CONFIG").length > 0, "the bridge");
    return new Stage(plugin, gateway, whole);
  }

  /** Another gateway on the same data, in the place of this one. */
  async restart(): Promise<void> {
    await this.gateway.gateway.stop();
    this.gateway = await TestGateway.start(this.#yaml, this.gateway.folder);
  }

  /** Of its own listener. */
  get url(): string {
    return this.gateway.gateway.addresses[1]?.url ?? "";
  }

  /** A socket that says nothing yet. */
  async visit(url = `${this.url.replace("http", "ws")}/anything`): Promise<Phone> {
    const phone = new Phone(url);
    this.phones.push(phone);
    await until(() => phone.socket.readyState !== WebSocket.CONNECTING, "a phone");
    return phone;
  }

  /** A phone that was welcomed. */
  async enter(name: string, params: object = {}): Promise<Phone> {
    const phone = await this.visit();
    phone.ask("CONNECT", { apiKey: keyOf(name), deviceId: name, ...params });
    await phone.hears("WELCOME");
    return phone;
  }

  async stop(): Promise<void> {
    for (const { socket } of this.phones) socket.close();
    await this.gateway.stop();
    await this.plugin.stop();
  }
}

export interface Heard {
  readonly type: string;
  readonly payload?: unknown;
  readonly id?: unknown;
}

export class Phone {
  readonly socket: WebSocket;
  readonly texts: string[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;
  #ids = 0;

  constructor(url: string) {
    this.socket = new WebSocket(url);
    this.socket.onmessage = ({ data }) => this.texts.push(String(data));
    this.socket.onclose = ({ code, reason }) => {
      this.closed = { code, reason };
    };
  }

  get messages(): readonly Heard[] {
    return this.texts.map((text) => JSON.parse(text) as Heard);
  }

  of(type: string): readonly Heard[] {
    return this.messages.filter((message) => message.type === type);
  }

  ask(method: string, params: object = {}): number {
    this.socket.send(JSON.stringify({ jsonrpc: "2.0", id: ++this.#ids, method, params }));
    return this.#ids;
  }

  async hears(type: string, count = 1): Promise<Heard> {
    await until(() => this.of(type).length >= count, `${type}; heard ${this.texts.join(" ").slice(0, 500)}`);
    const last = this.of(type).at(-1);
    if (last === undefined) throw new Error(`Heard no ${type}`);
    return last;
  }

  async ends(): Promise<{ readonly code: number; readonly reason: string }> {
    await until(() => this.closed !== undefined, "the end of a phone's socket", 8000);
    return this.closed ?? { code: 0, reason: "" };
  }
}
