/** The room server, as its documentation gives it, with boards of both generations. */
import { describe, expect, test } from "bun:test";
import { endedAfterEach } from "../../ended-after-each.ts";
import { replay, webSocketLine } from "../../transcript.ts";
import { Board } from "./boards.ts";
import { Stage } from "./stage.ts";

const open = endedAfterEach(Stage.open, (stage) => stage.stopWithoutErrors());

const both = ["2015", "current"] as const;
const join = (room: string): string => `{"join":"${room}"}`;
const say = (room: string, msg: string): string => JSON.stringify({ room, msg });

describe.each(both)("A board of %s", (generation) => {
  test("hears that it joined, then its rooms and what is for all, as bare strings", async () => {
    const stage = await open();
    const board = await Board.open(stage, generation);
    const other = await Board.open(stage, generation);
    await board.send(join("Espruino"));
    await other.send(say("Espruino", "hello"), say("all", "hi all"), say("nobody", "lost"));
    await board.hears("hello", "hi all");
    await other.hears("hi all");
  });

  test("hears itself in its own rooms, once however often it joined, and need not be in a room to speak there", async () => {
    const stage = await open();
    const board = await Board.open(stage, generation);
    await board.send(say("a", "before"), join("a"), join("a"), join("all"), say("a", "one"), say("all", "two"));
    await board.hears("one", "two");
  });

  test("may leave a room, and come back", async () => {
    const stage = await open();
    const board = await Board.open(stage, generation);
    await board.send(join("a"), '{"leave":"a"}', say("a", "unheard"), join("a"), say("a", "heard"));
    await board.hears("heard");
  });

  test("is obeyed in the order join, room, msg within one message", async () => {
    const stage = await open();
    const board = await Board.open(stage, generation);
    await board.send('{"msg":"x","room":"a","join":"a"}');
    await board.hears("x");
    expect(await stage.hasPast("espruino/inbox", 1)).toEqual(["x"]);
    expect(await stage.past("room/a")).toEqual(["x"]);
  });

  test("speaks to the server with `msg`, with a text that is no JSON object, and with every room message", async () => {
    const stage = await open();
    const board = await Board.open(stage, generation);
    const plain = ["hello world", "[1]", "null", "12", '"quoted"', "{broken"];
    await board.send('{"msg":"to you"}', ...plain, say("a", "besides"), '{"msg":""}', "{}", "");
    expect(await stage.hasPast("espruino/inbox", 8)).toEqual(["to you", ...plain, "besides"]);
  });

  test("gets JSON in ASCII, and is understood with one byte for each character", async () => {
    const stage = await open();
    const board = await Board.open(stage, generation);
    await board.send(join("k\u00fcche"), '{"room":"k\u00fcche","msg":"caf\u00e9"}');
    await board.hears("café");
    expect(await stage.past("room/küche")).toEqual(["café"]);
    stage.publish("room/küche", { text: "é 🏠" });
    await board.hears("café", '{"text":"\\u00e9 \\ud83c\\udfe0"}');
  });

  test("is not troubled by what made the original fall: no JSON, null, values that are no texts, peers that go", async () => {
    const stage = await open();
    const board = await Board.open(stage, generation);
    const gone = await Board.open(stage, generation);
    await gone.send(join("a"));
    gone.leave();
    await stage.sessions(1);
    await board.send(join("a"), "null", "{", '{"room":"a"}', '{"room":{},"msg":"x"}', '{"join":["a"]}');
    await board.send('{"room":"a","msg":{"on":true,"level":1.0}}', '{"room":"a","msg":[1]}', '{"room":"a","msg":null}');
    await board.hears('{"on":true,"level":1.0}', "[1]", "null");
  });
});

test("a room is a channel: a backend, a browser at /espruino and boards of both generations talk in it", async () => {
  const stage = await open({ origins: [] });
  await replay(
    `
@ open browser page
browser< User Joined
browser> {"join":"kitchen"}
browser> {"room":"kitchen","msg":"é from the browser"}
browser< é from the browser
@ publish
browser< bare
browser< {"on":true,"n":1.50}
browser< to all
`,
    {
      connect: () => webSocketLine(stage.url, ""),
      actions: {
        publish() {
          stage.publish("room/kitchen", "bare");
          stage.publishText("room/kitchen", `{"on":true,"n":1.50}`);
          stage.publish("room/all", "to all");
        },
      },
    },
  );
});
