import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { byteLine, type Line, replay, webSocketLine } from "../../transcript.ts";
import { openGateway, type TestGateway } from "./gateway.ts";

const folder = join(import.meta.dir, "../../../src/protocols/centrifuge");

function stage(gateway: TestGateway) {
  const base = gateway.url.replace("http", "ws");
  return {
    connect: (kind: string): Promise<Line> => {
      if (kind === "bytes") return byteLine({ host: "127.0.0.1", port: gateway.port });
      return webSocketLine(base, kind === "uni" ? "/connection/uni_websocket" : "/connection/websocket");
    },
    actions: {
      /** `publish <channel> <JSON>` */
      async publish(words: string) {
        const [channel = "", ...data] = words.split(" ");
        await gateway.publish(channel, JSON.parse(data.join(" ")));
      },
      /** `set <map> <key> <JSON>` */
      async set(words: string) {
        const [channel = "", key = "", ...data] = words.split(" ");
        await gateway.publish(channel, JSON.parse(data.join(" ")), { key });
      },
      /** `unset <map> <key>` */
      async unset(words: string) {
        const [channel = "", key = ""] = words.split(" ");
        await gateway.publish(channel, null, { key, removed: true });
      },
      /** Brings commands of a session by a request of their own. */
      async emulate(body: string) {
        const { status } = await fetch(`${gateway.url}/emulation`, { method: "POST", body });
        expect(status).toBe(204);
      },
    },
  };
}

const transcripts = readdirSync(folder).filter((name) => name.endsWith(".transcript"));

test.each(transcripts)("%s goes as it is written", async (name) => {
  const gateway = await openGateway();
  try {
    await replay(readFileSync(join(folder, name), "utf8"), stage(gateway));
    expect(gateway.log.errors).toEqual([]);
  } finally {
    await gateway.stop();
  }
});
