/** The transcripts of src/protocols/jeedomconnect, over real sockets. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { apiKeyOf } from "../../../simulators/jeedomconnect/equipment.ts";
import type { Message } from "../../../simulators/jeedomconnect/message.ts";
import { byteLine, replay, webSocketLine } from "../../transcript.ts";
import { Stage } from "./stage.ts";

const folder = join(import.meta.dir, "../../../src/protocols/jeedomconnect");

test.each(["websocket", "event-stream"])(
  "%s.transcript is what happens",
  async (name) => {
    const stage = await Stage.open();
    const text = ["anna", "nobody"].reduce(
      (sofar, who) => sofar.replaceAll(`<${who}>`, apiKeyOf(who)),
      readFileSync(join(folder, `${name}.transcript`), "utf8"),
    );
    const { port } = new URL(stage.url);
    await replay(text, {
      connect: (kind, words) =>
        kind === "ws"
          ? webSocketLine(`ws://127.0.0.1:${port}`, words)
          : byteLine({ host: "127.0.0.1", port: Number(port) }),
      actions: {
        has(words) {
          const [, method = "", message = ""] = /^(\S+) (.*)$/.exec(words) ?? [];
          stage.simulator.once(method, JSON.parse(message) as Message);
        },
        stop: () => stage.gateway.gateway.stop(),
      },
      patience: 8000,
    });
    expect(stage.gateway.errors).toEqual([]);
    await stage.stop();
  },
  30_000,
);
