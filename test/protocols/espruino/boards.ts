/** Boards as both generations of the module write and read, at the level of bytes and segments. */
import { httpAnswer, opcodes, type RawClient, serverFrames, until } from "../../transports/raw-client.ts";
import { currentRequest, requestOf2015, type Stage } from "./stage.ts";

/** As the module of 2015 writes them: unmasked, one byte for each character. */
export function frameOf2015(text: string, opcode: number = opcodes.text): Buffer {
  const payload = Buffer.from(text, "latin1");
  return Buffer.concat([Buffer.from([0x80 | opcode, payload.length]), payload]);
}

/** As the current module writes them: up to four writes. */
export function currentFrame(text: string | Uint8Array, opcode: number = opcodes.text): Buffer[] {
  const payload = typeof text === "string" ? Buffer.from(text, "latin1") : Buffer.from(text);
  const mask = Buffer.from([0x12, 0x00, 0xfe, 0x7f]);
  const masked = Buffer.concat([mask, payload.map((byte, at) => byte ^ (mask[at & 3] ?? 0))]);
  const { length } = payload;
  if (length <= 125) return [Buffer.from([0x80 | opcode, 0x80 | length]), masked];
  return [Buffer.from([0x80 | opcode, 0xfe]), Buffer.from([length >> 8]), Buffer.from([length & 0xff]), masked];
}

export class Board {
  readonly client: RawClient;
  readonly generation: "2015" | "current";
  readonly #stage: Stage;

  private constructor(stage: Stage, client: RawClient, generation: Board["generation"]) {
    this.#stage = stage;
    this.client = client;
    this.generation = generation;
  }

  /** Connected and past the time in which nothing is sent to it. */
  static async open(stage: Stage, generation: Board["generation"], more = ""): Promise<Board> {
    const before = stage.hub.sessions.size;
    const client = await stage.connect();
    const board = new Board(stage, client, generation);
    for (const piece of generation === "2015" ? requestOf2015 : [currentRequest(undefined, "/", more)])
      await client.send(piece);
    await stage.sessions(before + 1);
    await until(() => httpAnswer(client.bytes) !== undefined, "the 101");
    await stage.clock.advance(150);
    return board;
  }

  async send(...texts: string[]): Promise<void> {
    for (const text of texts) {
      const pieces = this.generation === "2015" ? [frameOf2015(text)] : currentFrame(text);
      for (const piece of pieces) await this.client.send(piece);
    }
  }

  get frames(): { readonly opcode: number; readonly payload: Buffer }[] {
    return serverFrames(httpAnswer(this.client.bytes)?.rest ?? Buffer.alloc(0));
  }

  get texts(): string[] {
    return this.frames.filter(({ opcode }) => opcode === opcodes.text).map(({ payload }) => payload.toString("utf8"));
  }

  /** Waits for so many texts after the welcome, whatever the spacing. */
  async hears(...texts: string[]): Promise<void> {
    const expected = JSON.stringify(["User Joined", ...texts]);
    const end = performance.now() + 5000;
    while (JSON.stringify(this.texts) !== expected) {
      if (performance.now() > end) throw new Error(`Heard ${JSON.stringify(this.texts)}, not ${expected}`);
      if (this.generation === "2015") await this.#stage.clock.advance(70);
      await Bun.sleep(2);
    }
  }

  leave(): void {
    this.client.reset();
  }
}
