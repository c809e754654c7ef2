import type { Command } from "commander";
import { z } from "zod";
import { isJson } from "../core/json.ts";
import { messageOf } from "../core/thrown.ts";
import { channelPath } from "./channel-path.ts";
import { askFor, type Question } from "./door.ts";
import { CommandFailure, wrongUse } from "./failure.ts";
import { optionsOf } from "./globals.ts";
import { gatewayDoor, through } from "./open-door.ts";
import { note, printJson } from "./output.ts";

interface Options {
  readonly mapKey?: string;
  readonly remove?: boolean;
  readonly text?: boolean;
}

const receipt = z.object({ channel: z.string(), offset: z.number(), epoch: z.string() });

export function addPublish(program: Command): void {
  program
    .command("publish")
    .description("publish in a channel")
    .argument("<channel>", "its name, like room/kitchen")
    .argument("[data]", "JSON, or text where it is none; - or nothing: what comes on the standard input")
    .option("--map-key <key>", "the key, in a map channel")
    .option("--remove", "take the key out of the map")
    .option("--text", "publish it as text even if it reads as JSON")
    .action((channel: string, data: string | undefined, _: object, command: Command) =>
      publish(channel, data, optionsOf<Options>(command)),
    );
}

async function publish(
  channel: string,
  data: string | undefined,
  options: ReturnType<typeof optionsOf<Options>>,
): Promise<void> {
  const { mapKey, remove, text } = options;
  if (remove && (mapKey === undefined || data !== undefined)) {
    throw wrongUse("Cannot remove without a key and nothing else: hearthwire publish CHANNEL --remove --map-key KEY");
  }
  const query = mapKey === undefined ? "" : `?key=${encodeURIComponent(mapKey)}`;
  const path = `${channelPath([channel])}${query}`;
  const door = gatewayDoor(options);
  const what = `publish on ${channel}`;
  const question: Question = remove
    ? { method: "DELETE", path, what }
    : { method: "POST", path, what, ...bodyOf(await given(data), text === true) };
  const kept = await through(door, () => askFor(door, question, receipt));
  if (options.json) printJson(kept);
  else note(`Published on ${kept.channel}, offset ${kept.offset}.`);
}

async function given(data: string | undefined): Promise<string> {
  if (data !== undefined && data !== "-") return data;
  if (data === undefined && process.stdin.isTTY) {
    throw wrongUse("Cannot publish nothing: add the data, or - to type it until Ctrl-D");
  }
  try {
    process.stdin.setEncoding("utf8");
    let text = "";
    for await (const chunk of process.stdin) text += chunk;
    return text.replace(/\r?\n$/, "");
  } catch (thrown) {
    throw new CommandFailure(`Cannot read the standard input: ${messageOf(thrown)}`);
  }
}

function bodyOf(data: string, asText: boolean): { readonly body: string; readonly type: string } {
  return { body: data, type: !asText && isJson(data) ? "application/json" : "text/plain; charset=utf-8" };
}
