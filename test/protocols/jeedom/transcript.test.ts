/** src/protocols/jeedom/plugin.transcript, over real sockets. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { keyOf } from "../../../simulators/jeedom/users.ts";
import { replay, webSocketLine } from "../../transcript.ts";
import { eventually } from "../deconz/stage.ts";
import { PluginStage } from "./plugin-stage.ts";

const file = join(import.meta.dir, "../../../src/protocols/jeedom/plugin.transcript");

test("plugin.transcript is what happens", async () => {
  const stage = await PluginStage.open();
  const { simulator, gateway } = stage;
  const { commands, equipments } = simulator.house.building;
  const [first] = equipments.keys();
  const all = [...commands.values()];
  const seen = all.find(({ equipmentId }) => equipmentId === first)?.id;
  const unseen = all.findLast(({ equipmentId }) => equipmentId !== first)?.id;
  const names = { anna: keyOf("anna"), rose: keyOf("rose"), nobody: keyOf("nobody"), seen, unseen };
  const text = Object.entries(names).reduce(
    (sofar, [name, value]) => sofar.replaceAll(`<${name}>`, String(value)),
    readFileSync(file, "utf8"),
  );
  const tell = (words: string): void => {
    const [, name = "", option = ""] = /^(\S+) (.*)$/.exec(words) ?? [];
    simulator.events.add(name, JSON.parse(option));
  };
  await replay(text, {
    connect: (_, words) => webSocketLine(stage.url.replace(/\/$/, ""), words),
    actions: {
      tell,
      "tell-both": (words) => words.split(" and ").forEach(tell),
      listening: (count) =>
        eventually(async () => {
          const sessions = await gateway.ask("/sessions", { key: gateway.admin });
          return sessions.text.split('"key":"jeedom user ').length > Number(count);
        }, `${count} that listen`),
      stop: () => stage.gateway.gateway.stop(),
    },
  });
  expect(gateway.errors).toEqual([]);
  await stage.stop();
}, 30_000);
