/** Boards of both generations by TLS, with a certificate that is renewed while they talk. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { certificateOf, nameAt } from "../../tls.ts";
import { Board } from "./boards.ts";
import { Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open({ tls: certificateOf("first") });
});
afterAll(() => stage.stop());

test("boards hear each other, before their certificate is renewed and after, and those that come later too", async () => {
  const heard: string[] = [];
  const inside: Board[] = [];
  const says = async (board: Board, text: string): Promise<void> => {
    heard.push(text);
    await board.send(JSON.stringify({ room: "kitchen", msg: text }));
    await Promise.all(inside.map((one) => one.hears(...heard)));
  };
  const old = await Board.open(stage, "2015");
  inside.push(old);
  await old.send('{"join":"kitchen"}');
  await says(old, "from 2015");
  const current = await Board.open(stage, "current");
  await current.send('{"join":"kitchen"}');
  await says(current, "x".repeat(60));
  stage.lenient.renew({ tls: certificateOf("second") });
  expect(await nameAt(stage.port)).toBe("second");
  const late = await Board.open(stage, "2015");
  await late.send('{"join":"kitchen"}');
  await says(late, "from later");
  await says(old, "still there");
  await current.hears("x".repeat(60), "from later", "still there");
  await late.hears("from later", "still there");
  expect(stage.hub.sessions.size).toBe(3);
  for (const board of [old, current, late]) board.leave();
  await stage.sessions(0);
});

test("a board that does not read is not waited for, and hears all when it reads on", async () => {
  const board = await Board.open(stage, "current");
  board.client.stopReading();
  const texts = Array.from({ length: 100 }, (_, at) => `${at} ${"x".repeat(5000)}`);
  for (const text of texts) stage.publish("room/all", text);
  await stage.hasPast("room/all", 5);
  board.client.goOnReading();
  await board.hears(...texts);
  board.leave();
  await stage.sessions(0);
});
