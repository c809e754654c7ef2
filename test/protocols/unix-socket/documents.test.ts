/** What the documents show is true: the transcript is replayed, and the PHP sender is run by the real `php`. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { endedAfterEach } from "../../ended-after-each.ts";
import { byteLine, type Line, replay, webSocketLine } from "../../transcript.ts";
import { House, openStage } from "./gateway.ts";
import { DevicePeer, settle } from "./peers.ts";

const root = `${import.meta.dir}/../../..`;
const stage = endedAfterEach(openStage, (opened) => opened.stop());

test("the transcript is what happens", async () => {
  const house = new House();
  const key = house.device("hall");
  const { url, path, clock } = await stage({ house });
  const transcript = readFileSync(`${root}/src/protocols/unix-socket/exchange.transcript`, "utf8");
  await replay(transcript.replace("‹hall-key›", key), {
    connect: (kind, words): Promise<Line> =>
      kind === "device" ? webSocketLine(`ws://${url}`, words) : byteLine({ path }),
    actions: { advance: (ms) => clock.advance(Number(ms)), settle: () => settle() },
  });
});

const php = Bun.which("php");

test.skipIf(php === null)("the PHP sender of the documentation reaches a device, and reads OK", async () => {
  const { url, path } = await stage();
  const [, sender = ""] = /```php\n(.*?)```/s.exec(readFileSync(`${root}/docs/unix-socket.md`, "utf8")) ?? [];
  const code = sender.replace("/run/hearthwire/hearthwire.sock", path).replace(/^push\(/m, "echo push(");
  const device = await DevicePeer.open(url);
  const id = await device.id();
  const run = Bun.spawn([php ?? "php", "-r", code.replace("1234567", id)], { stdout: "pipe", stderr: "pipe" });
  expect(await new Response(run.stderr).text()).toBe("");
  expect(await new Response(run.stdout).text()).toBe("OK");
  await device.hears('{"action":"someAction"}');
});

test.skipIf(php === null)("a PHP sender as the original documents it, without a newline, works as it is", async () => {
  const { url, path } = await stage();
  const device = await DevicePeer.open(url);
  const id = await device.id();
  const message = JSON.stringify({ action: "sendToDevice", device: id, data: { path: "a/b", empty: {} } });
  const code = `$s = stream_socket_client('unix://${path}'); fwrite($s, '${message}'); echo fread($s, 8192);`;
  const run = Bun.spawn([php ?? "php", "-r", code], { stdout: "pipe" });
  expect(await new Response(run.stdout).text()).toBe("OK");
  await device.hears('{"path":"a/b","empty":{}}');
});
