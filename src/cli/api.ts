import type { Command } from "commander";
import { z } from "zod";
import { askFor } from "./door.ts";
import { CommandFailure, wrongUse } from "./failure.ts";
import { type Globals, optionsOf } from "./globals.ts";
import { gatewayDoor, through } from "./open-door.ts";
import { printJson, tame } from "./output.ts";

const answer = z.union([
  z.object({ error: z.object({ code: z.number(), message: z.string() }) }),
  z.object({ result: z.record(z.string(), z.unknown()) }),
  z.object({ replies: z.array(z.unknown()) }),
]);

export function addApi(program: Command): void {
  program
    .command("api")
    .description("ask the server API, as backends do: presence, history, disconnect … (docs/http-api.md)")
    .argument("<method>", "the method, like presence_stats")
    .argument("[params]", "its parameters as a JSON object", "{}")
    .addHelpText("after", '\nExample: hearthwire api history \'{"channel": "room/kitchen", "limit": 10}\'')
    .action((method: string, params: string, _: object, command: Command) => ask(method, params, optionsOf(command)));
}

async function ask(method: string, params: string, globals: Globals): Promise<void> {
  if (!/^[a-z_]+$/.test(method)) throw wrongUse(`Cannot ask for ${method}: that is no method`);
  if (!isObject(params)) throw wrongUse("Cannot use these parameters: give a JSON object");
  const door = gatewayDoor(globals);
  const what = `ask for ${method}`;
  // As it was written, so that every digit of it arrives.
  const question = { method: "POST", path: `/api/${method}`, what, body: params, type: "application/json" } as const;
  const told = await through(door, () => askFor(door, question, answer));
  if ("error" in told) throw new CommandFailure(`${tame(told.error.message)} (${told.error.code})`);
  printJson("result" in told ? told.result : told);
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
