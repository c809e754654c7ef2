/** The app on a phone: it connects, shows the house, acts, sleeps and wakes, over whichever transport it is set to. */
import { type Line, type LineOptions, openLine, type PhoneTransport } from "./line.ts";
import type { Message } from "./message.ts";
import { Picture } from "./picture.ts";

export type PhoneOptions = Pick<LineOptions, "http" | "websocket" | "apiKey" | "ca"> & {
  readonly transport: PhoneTransport;
  readonly deviceId?: string;
  /** What else it says of itself in CONNECT. */
  readonly introduction?: object;
  /** In ms. Default: 1000. */
  readonly pollPeriod?: number;
};

export class Phone {
  readonly picture = new Picture();
  /** Messages as they came, those that answer nothing. */
  readonly heard: Message[] = [];
  /** Why the line ended by itself last. */
  ended: string | undefined;
  transport: PhoneTransport;
  readonly #options: PhoneOptions;
  #line: Line | undefined;

  constructor(options: PhoneOptions) {
    this.#options = options;
    this.transport = options.transport;
  }

  /** WELCOME, or what was said instead of it; `undefined`: nothing was. */
  async connect(): Promise<Message | undefined> {
    const { deviceId = `device of ${this.#options.apiKey}`, pollPeriod = 1000, introduction } = this.#options;
    this.#line?.end();
    this.ended = undefined;
    const { picture } = this;
    const line: Line = openLine(this.transport, {
      ...this.#options,
      pollPeriod,
      cursors: () => {
        const { configVersion, lastReadTimestamp, lastHistoricReadTimestamp } = picture;
        return { configVersion, lastReadTimestamp, lastHistoricReadTimestamp };
      },
      heard: (message) => {
        if (line !== this.#line) return;
        this.heard.push(message);
        picture.take(message);
      },
      ended: (why) => {
        if (line === this.#line) this.ended = why;
      },
    });
    this.#line = line;
    const device = { deviceId, deviceName: "Simulated", appVersion: "1.7.9" };
    const answer = await line.ask("CONNECT", { ...device, ...introduction });
    if (answer?.type !== "WELCOME") return answer;
    picture.take(answer);
    await line.listen();
    const { configVersion } = answer.payload as { readonly configVersion: unknown };
    if (picture.config === undefined || configVersion !== picture.configVersion) await this.ask("GET_CONFIG");
    return answer;
  }

  async ask(method: string, params: object = {}): Promise<Message | undefined> {
    const reply = await this.#line?.ask(method, params);
    if (reply !== undefined) this.picture.take(reply);
    return reply;
  }

  async tell(method: string, params: object = {}): Promise<void> {
    await this.#line?.tell(method, params);
  }

  async background(): Promise<void> {
    this.#line?.rest(true);
    await this.tell("SET_APPSTATE", { state: "background" });
  }

  async foreground(): Promise<void> {
    await this.tell("SET_APPSTATE", { state: "active" });
    this.#line?.rest(false);
  }

  /** As on the plugin's page or in the app: the plugin is told, and the phone comes again by the other way. */
  async switchTo(transport: PhoneTransport): Promise<void> {
    await this.ask("SET_POLLING", { value: transport === "polling" ? 1 : 0 });
    await this.ask("SET_WEBSOCKET", { value: transport === "websocket" ? 1 : 0 });
    this.transport = transport;
    await this.connect();
  }

  /** Without a word. */
  loseNetwork(): void {
    this.#line?.end();
    this.#line = undefined;
  }

  async disconnect(): Promise<void> {
    await this.tell("DISCONNECT");
    this.loseNetwork();
  }
}
