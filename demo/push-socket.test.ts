import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PushSocket } from "./push-socket.ts";

const push = { channel: "home/events", data: { type: "motion" } } as const;

async function listen(path: string, heard: (socket: Socket, text: string) => void): Promise<Server> {
  const server = createServer((socket) => socket.on("data", (bytes: Buffer) => heard(socket, bytes.toString())));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

test("Pushes arrive as commands, and replies are counted wherever they are cut", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hearthwire-push-"));
  const path = join(folder, "push.sock");
  let heard = "";
  const server = await listen(path, async (socket, text) => {
    heard += text;
    for (const piece of ["O", "KE", "R", "ROK"]) {
      socket.write(piece);
      await Bun.sleep(1);
    }
  });
  const counted = Promise.withResolvers<void>();
  const client = new PushSocket(path, () => {
    client.send(push);
    counted.resolve();
  });
  await counted.promise;
  while (client.ok + client.err < 3) await Bun.sleep(1);
  expect(JSON.parse(heard)).toEqual({ action: "sendToChannel", ...push });
  expect([client.ok, client.err]).toEqual([2, 1]);
  client.close();
  server.close();
  rmSync(folder, { recursive: true });
});

test("A backend comes back when the gateway does, and knows that nobody was there meanwhile", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hearthwire-push-"));
  const path = join(folder, "push.sock");
  let visits = 0;
  const client = new PushSocket(path, () => visits++);
  expect(client.send(push)).toBeFalse();
  const server = await listen(path, (socket) => socket.destroy());
  while (visits < 1) await Bun.sleep(5);
  client.send(push);
  while (visits < 2) await Bun.sleep(5);
  client.close();
  server.close();
  rmSync(folder, { recursive: true });
});
