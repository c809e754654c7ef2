import { afterEach, beforeEach, expect, test } from "bun:test";
import { Home } from "./command-line.ts";

let home: Home;
beforeEach(() => {
  home = new Home();
});
afterEach(() => home.clear());

test("hearthwire api asks the server API of the running gateway, and tells its answer or its refusal", async () => {
  const { url } = await home.serve();
  const ask = async (...words: string[]) => home.run(["api", ...words]);
  await home.run(["publish", "demo/a", "1"]);
  expect(JSON.parse((await ask("publish", '{"channel":"demo/a","data":{"n":2.50}}')).stdout)).toMatchObject({
    offset: 2,
  });
  expect(JSON.parse((await ask("history", '{"channel":"demo/a","limit":9}')).stdout)).toMatchObject({
    publications: [{ data: 1 }, { data: { n: 2.5 } }],
  });
  expect(JSON.parse((await ask("info")).stdout)).toMatchObject({ nodes: [{ num_clients: 0 }] });
  expect(JSON.parse((await ask("batch", '{"commands":[{"channels":{}}]}')).stdout)).toMatchObject({
    replies: [{ channels: { channels: { "demo/a": { num_clients: 0 } } } }],
  });
  expect(await ask("presence", '{"channel":"demo/a"}')).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/^Cannot tell presence .*\(108\)\n$/s),
  });
  expect((await ask("nonsense")).stderr).toStartWith("Cannot ");
  for (const words of [["info", "[]"], ["../info"]]) expect((await ask(...words)).code).toBe(2);
  expect((await home.run(["--url", url, "api", "info"])).code).toBe(1);
}, 20_000);
