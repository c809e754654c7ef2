/** A phone byte by byte: it may send frames in pieces, answer no ping, stop reading, and go without a word. */
import { apiKeyOf } from "../../../simulators/jeedomconnect/equipment.ts";
import {
  clientFrame,
  opcodes,
  RawClient,
  type ServerFrame,
  serverFrames,
  upgradeHead,
} from "../../transports/raw-client.ts";

export class RawPhone {
  readonly client: RawClient;

  private constructor(client: RawClient) {
    this.client = client;
  }

  /** A WebSocket on which nothing was said yet. */
  static async open(webSocket: string): Promise<RawPhone> {
    const { port, pathname } = new URL(webSocket);
    const client = await RawClient.connect(Number(port));
    await client.send(upgradeHead(pathname));
    await client.receives((text) => text.includes("\r\n\r\n"), "the 101");
    return new RawPhone(client);
  }

  /** A phone that is welcomed. */
  static async enter(webSocket: string, name: string): Promise<RawPhone> {
    const phone = await RawPhone.open(webSocket);
    await phone.ask("CONNECT", { apiKey: apiKeyOf(name), deviceId: name });
    await phone.hears("WELCOME");
    return phone;
  }

  get frames(): readonly ServerFrame[] {
    const { bytes } = this.client;
    return serverFrames(bytes.subarray(bytes.indexOf("\r\n\r\n") + 4));
  }

  get messages(): readonly Record<string, unknown>[] {
    const texts = this.frames.filter(({ opcode }) => opcode === opcodes.text);
    return texts.map(({ payload }) => JSON.parse(payload.toString()));
  }

  /** The payload of the first frame of a kind. */
  payload(opcode: number): Buffer | undefined {
    return this.frames.find((frame) => frame.opcode === opcode)?.payload;
  }

  send(opcode: number, payload: string | Uint8Array, final = true): Promise<void> {
    return this.client.send(clientFrame(opcode, payload, final));
  }

  ask(method: string, params: object = {}, id: unknown = 1): Promise<void> {
    return this.send(opcodes.text, JSON.stringify({ jsonrpc: "2.0", id, method, params }));
  }

  hears(words: string): Promise<unknown> {
    return this.client.receives((text) => text.includes(words), words);
  }
}
