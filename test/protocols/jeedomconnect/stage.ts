/** A simulated Jeedom with its plugin, a gateway in the place of the plugin's daemon, and phones: all over real sockets. */
import { Simulator as Jeedom } from "../../../simulators/jeedom/server.ts";
import { apiKeyOf, type PhoneEquipment } from "../../../simulators/jeedomconnect/equipment.ts";
import type { PhoneTransport } from "../../../simulators/jeedomconnect/line.ts";
import type { Message } from "../../../simulators/jeedomconnect/message.ts";
import { Phone, type PhoneOptions } from "../../../simulators/jeedomconnect/phone.ts";
import { type Asked, Simulator } from "../../../simulators/jeedomconnect/server.ts";
import { freePort } from "../../free-port.ts";
import { TestGateway } from "../../http/gateway.ts";
import { RawClient, until } from "../../transports/raw-client.ts";
import { BarePhone } from "./bare-phone.ts";
import { RawPhone } from "./raw-phone.ts";

export interface StageOptions {
  /** Whether the plugin can bring its answers to a port. Default: yes. */
  readonly port?: boolean;
  /** Whether there is a bridge to Jeedom itself too. */
  readonly hears?: boolean;
  /** Simulated phones come to the main listener, not to one of their own. */
  readonly main?: boolean;
  /** More options of the bridge, in YAML's flow style. */
  readonly bridge?: string;
  /** More bridges, likewise. */
  readonly bridges?: string;
  /** In the place of one for phones. */
  readonly listeners?: string;
  readonly yaml?: string;
}

type Connected = Promise<{ phone: Phone; equipment: PhoneEquipment }>;

/** Where the plugin has its pages. */
export const core = "/plugins/JeedomConnect/core";
const phonesListener = 'listeners: [{ listen: "127.0.0.1:0", protocol: jeedomconnect, bridge: jc }]\n';

export class Stage {
  readonly jeedom: Jeedom;
  readonly simulator: Simulator;
  gateway: TestGateway;
  readonly #yaml: string;
  readonly #isMain: boolean;
  readonly #asked: Asked[] = [];
  readonly #phones: Phone[] = [];
  readonly #bare: BarePhone[] = [];

  private constructor(jeedom: Jeedom, simulator: Simulator, gateway: TestGateway, yaml: string, isMain: boolean) {
    this.jeedom = jeedom;
    this.simulator = simulator;
    this.gateway = gateway;
    this.#yaml = yaml;
    this.#isMain = isMain;
    simulator.asked = (asked) => void this.#asked.push(asked);
  }

  /** With phones of the names anna, ben and cleo. */
  static async open(options: StageOptions = {}): Promise<Stage> {
    const { port = true, hears = false, main = false, bridge = "", bridges = "", listeners = phonesListener } = options;
    const jeedom = new Jeedom({ waitPollingTime: 20 }).start();
    const simulator = new Simulator({ jeedom, socketPort: freePort() }).start();
    for (const name of ["anna", "ben", "cleo"]) simulator.plugin.add(name);
    const { callback, pluginKey, socketPort } = simulator;
    const own = `type: jeedomconnect, url: "${callback}", key: ${pluginKey}, socket_port: ${port && socketPort}, ${bridge}`;
    const events = hears ? `jeedom: { type: jeedom, url: "${jeedom.url}", key: ${jeedom.users.apiKey} }, ` : "";
    const yaml = `bridges: { ${events}jc: { ${own} }, ${bridges} }\n${listeners}${options.yaml ?? ""}`;
    const stage = new Stage(jeedom, simulator, await TestGateway.start(yaml), yaml, main);
    for (const name of hears ? ["jeedom", "jc"] : ["jc"]) {
      const state = () => stage.gateway.gateway.status().bridges.get(name)?.state;
      await until(() => state() === "connected", `the bridge ${name} is connected`);
    }
    return stage;
  }

  /** Another gateway on the same data, in the place of this one. */
  async restart(): Promise<void> {
    await this.gateway.gateway.stop();
    this.gateway = await TestGateway.start(this.#yaml, this.gateway.folder);
  }

  /** What the plugin was asked of one method, by one phone or by all. */
  asked(method: string, name?: string): readonly Asked[] {
    const isOf = ({ apiKey }: Asked): boolean => name === undefined || apiKey === apiKeyOf(name);
    return this.#asked.filter((one) => one.method === method && isOf(one));
  }

  /** Where phones find the plugin. */
  get url(): string {
    const url = this.#isMain ? this.gateway.url : (this.gateway.gateway.addresses[1]?.url ?? "");
    return url.replace(/\/$/, "");
  }

  get webSocket(): string {
    return `${this.url.replace("http", "ws")}/jeedomconnect`;
  }

  // ── Bare phones ──

  /** A socket that says nothing yet. */
  async visit(url = this.webSocket): Promise<BarePhone> {
    const phone = new BarePhone(url);
    this.#bare.push(phone);
    await until(() => phone.socket.readyState !== WebSocket.CONNECTING, "a phone");
    return phone;
  }

  /** A phone that was welcomed. */
  async enter(name: string, params: object = {}): Promise<BarePhone> {
    const phone = await this.visit();
    phone.ask("CONNECT", { apiKey: apiKeyOf(name), deviceId: name, ...params });
    await phone.hears("WELCOME");
    return phone;
  }

  /** Nothing was said yet, or, with a name, the phone of that name was welcomed. */
  raw(name?: string): Promise<RawPhone> {
    return name === undefined ? RawPhone.open(this.webSocket) : RawPhone.enter(this.webSocket, name);
  }

  /** The event stream of a phone, with its head. */
  async stream(name: string): Promise<RawClient> {
    const client = await RawClient.connect(Number(new URL(this.url).port));
    await client.send(`GET ${core}/php/eventServer.php?apiKey=${apiKeyOf(name)} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await client.receives((text) => text.includes("\r\n\r\n"), "the stream's head");
    return client;
  }

  /** What is posted to the API, at this place or another, and its answer. */
  async post(body: unknown, at = this.url): Promise<unknown> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const answer = await fetch(`${at.replace(/\/$/, "")}${core}/api/JeedomConnect.api.php`, {
      method: "POST",
      body: text,
    });
    if (answer.status !== 200) throw new Error(`The API answers ${answer.status}`);
    return answer.json();
  }

  /** What a method answers by HTTP. */
  async ask(method: string, params: object): Promise<unknown> {
    return ((await this.post({ jsonrpc: "2.0", id: 1, method, params })) as { readonly result: unknown }).result;
  }

  // ── Simulated phones ──

  /** A phone of the house, and how it connects. */
  phone(
    name: string,
    transport: PhoneTransport,
    options: Partial<PhoneOptions> = {},
  ): { phone: Phone; equipment: PhoneEquipment } {
    const { plugin } = this.simulator;
    const settings = { useWs: flag(transport === "websocket"), polling: flag(transport === "polling") };
    const equipment = plugin.phones.get(name) ?? plugin.add(name, settings);
    const where = { http: this.url, websocket: this.webSocket, apiKey: equipment.apiKey };
    const phone = new Phone({ ...where, transport, pollPeriod: 200, ...options });
    this.#phones.push(phone);
    return { phone, equipment };
  }

  /** One that is welcomed and shows the house. */
  async connected(name: string, transport: PhoneTransport, options: Partial<PhoneOptions> = {}): Connected {
    const made = this.phone(name, transport, options);
    const answer = await made.phone.connect();
    if (answer?.type !== "WELCOME") throw new Error(`Cannot connect ${name}: ${JSON.stringify(answer)}`);
    return made;
  }

  /** Something changes, and all of these see it. */
  async changeSeenBy(phones: readonly Phone[], limit = 10_000): Promise<void> {
    const { house } = this.jeedom;
    const [light = 0] = house.infos("LIGHT_STATE");
    house.set(light, house.command(light).state === 1 ? 0 : 1);
    await until(() => phones.every(({ picture }) => picture.shows(house)), "all phones see a change", limit);
  }

  async stop(): Promise<void> {
    for (const { socket } of this.#bare) socket.close();
    for (const phone of this.#phones) phone.loseNetwork();
    await this.gateway.stop();
    await Promise.all([this.simulator.stop(), this.jeedom.stop()]);
  }
}

function flag(is: boolean): "0" | "1" {
  return is ? "1" : "0";
}

/** SET_EVENTS with values of commands. */
export function events(...values: readonly string[]): Message {
  const now = Date.now() / 1000;
  const cursors = [
    { type: "DATETIME", payload: now },
    { type: "HIST_DATETIME", payload: now },
  ];
  if (values.length === 0) return { type: "SET_EVENTS", payload: cursors };
  const list = values.map((value, at) => ({ id: String(at), value }));
  const lists = [
    { type: "CMD_INFO", payload: list },
    { type: "SC_INFO", payload: [] },
  ];
  return { type: "SET_EVENTS", payload: [...cursors, ...lists] };
}
