/** A simulated Jeedom with its plugin, a gateway in the place of the plugin's daemon, and phones: all over real sockets. */
import { Simulator as Jeedom } from "../../../simulators/jeedom/server.ts";
import type { PhoneEquipment } from "../../../simulators/jeedomconnect/equipment.ts";
import type { PhoneTransport } from "../../../simulators/jeedomconnect/line.ts";
import { Phone, type PhoneOptions } from "../../../simulators/jeedomconnect/phone.ts";
import { Simulator } from "../../../simulators/jeedomconnect/server.ts";
import { TestGateway } from "../../http/gateway.ts";
import { until } from "../../transports/raw-client.ts";

export interface PhoneStageOptions {
  /** Whether there is a bridge to Jeedom itself too. Default: yes. */
  readonly hears?: boolean;
  /** Phones come to the main listener, not to one of their own. */
  readonly main?: boolean;
  /** Of the bridge, besides. */
  readonly bridge?: string;
}

export class PhoneStage {
  readonly jeedom: Jeedom;
  readonly simulator: Simulator;
  readonly gateway: TestGateway;
  /** Where phones find the plugin. */
  readonly http: string;
  readonly webSocket: string;
  readonly #phones: Phone[] = [];

  private constructor(jeedom: Jeedom, simulator: Simulator, gateway: TestGateway, main: boolean) {
    this.jeedom = jeedom;
    this.simulator = simulator;
    this.gateway = gateway;
    this.http = (main ? gateway.url : (gateway.gateway.addresses[1]?.url ?? "")).replace(/\/$/, "");
    this.webSocket = `${this.http.replace("http", "ws")}/${main ? "jeedomconnect" : ""}`;
  }

  static async open({ hears = true, main = false, bridge = "" }: PhoneStageOptions = {}): Promise<PhoneStage> {
    const jeedom = new Jeedom({ waitPollingTime: 20 }).start();
    const simulator = new Simulator({ jeedom, socketPort: freePort() }).start();
    const events = `jeedom: { type: jeedom, url: "${jeedom.url}", key: ${jeedom.users.apiKey} }, `;
    const { url, pluginKey, socketPort } = simulator;
    const own = `jc: { type: jeedomconnect, url: "${url}", key: ${pluginKey}, socket_port: ${socketPort}, ${bridge} }`;
    const gateway = await TestGateway.start(
      `bridges: { ${hears ? events : ""}${own} }\nlisteners: [{ listen: "127.0.0.1:0", protocol: jeedomconnect }]\n`,
    );
    const stage = new PhoneStage(jeedom, simulator, gateway, main);
    const areThere = (): boolean =>
      [...gateway.gateway.status().bridges.values()].every(({ state }) => state === "connected");
    await until(areThere, "the bridges are connected");
    return stage;
  }

  /** A phone of the house, and how it connects. */
  phone(
    name: string,
    transport: PhoneTransport,
    options: Partial<PhoneOptions> = {},
  ): { phone: Phone; equipment: PhoneEquipment } {
    const { plugin } = this.simulator;
    const settings = { useWs: transport === "websocket", polling: transport === "polling" };
    const equipment =
      plugin.phones.get(name) ??
      plugin.add(name, { useWs: settings.useWs ? "1" : "0", polling: settings.polling ? "1" : "0" });
    const where = { http: this.http, websocket: this.webSocket, apiKey: equipment.apiKey };
    const phone = new Phone({ ...where, transport, pollPeriod: 200, ...options });
    this.#phones.push(phone);
    return { phone, equipment };
  }

  /** One that is welcomed and shows the house. */
  async connected(
    name: string,
    transport: PhoneTransport,
    options: Partial<PhoneOptions> = {},
  ): Promise<{ phone: Phone; equipment: PhoneEquipment }> {
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
    for (const phone of this.#phones) phone.loseNetwork();
    await this.gateway.stop();
    await Promise.all([this.simulator.stop(), this.jeedom.stop()]);
  }
}

/** A port that nobody has, for what takes no 0. */
export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
