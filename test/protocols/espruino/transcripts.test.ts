/** The transcripts of the protocol are what happens, byte for byte at the lenient listener. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Refused } from "../../../src/core/refusals.ts";
import { byteLine, replay, webSocketLine } from "../../transcript.ts";
import { until } from "../../transports/raw-client.ts";
import { Stage } from "./stage.ts";

const folder = join(import.meta.dir, "../../../src/protocols/espruino");
const files = readdirSync(folder).filter((name) => name.endsWith(".transcript"));

test("there are transcripts of both generations, and of the rooms", () => {
  expect(files.sort()).toEqual(["board-of-2015.transcript", "current-board.transcript", "rooms.transcript"]);
});

test.each(files)("%s", async (file) => {
  const stage = await Stage.open({ origins: ["Espruino"] });
  const key = stage.house.key({ subscribe: ["room/**"], publish: ["room/Espruino"] });
  // `‹a×125›` is a text of so many bytes.
  const transcript = readFileSync(join(folder, file), "utf8")
    .replace(/‹(.)×(\d+)›/g, (_, letter: string, count: string) => letter.repeat(Number(count)))
    .replace("hw_<key>", key);
  let told = 0;
  try {
    await replay(transcript, {
      connect: (kind) =>
        kind === "browser" ? webSocketLine(stage.url, "") : byteLine({ host: "127.0.0.1", port: stage.port }),
      actions: {
        advance: (ms) => stage.clock.advance(Number(ms)),
        publish(words) {
          const [channel = "", ...data] = words.split(" ");
          stage.publishText(channel, data.join(" "));
        },
        // What came to the server since it was last asked, but for what went to rooms.
        async inbox(text) {
          const next = async (): Promise<number> => (await stage.past("espruino/inbox")).indexOf(text, told);
          await until(async () => (await next()) >= 0, `${text} in the inbox`);
          told = (await next()) + 1;
        },
        sessions: (count) => stage.sessions(Number(count)),
        end() {
          stage.hub.end(
            () => true,
            () => new Refused("shutdown"),
          );
        },
      },
    });
    expect(stage.log.errors).toEqual([]);
  } finally {
    await stage.stop();
  }
});
