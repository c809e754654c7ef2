import type { Command } from "commander";
import { z } from "zod";
import { type SessionView, sessionShape } from "../http/api-sessions.ts";
import { askFor } from "./door.ts";
import { type Globals, optionsOf } from "./globals.ts";
import { printGrants } from "./grant-options.ts";
import { gatewayDoor, through } from "./open-door.ts";
import { print, printJson, printTable, printTime, tame } from "./output.ts";

interface Options {
  readonly slow?: boolean;
}

export function addSessions(program: Command): void {
  program
    .command("sessions")
    .description("show who is connected, and how each of them does")
    .argument("[id]", "show all of this one")
    .option("--slow", "only those that do not read as fast as they are written to")
    .action((id: string | undefined, _: object, command: Command) => {
      const options = optionsOf<Options>(command);
      return id === undefined ? listSessions(options) : showSession(id, options);
    });
}

async function listSessions(options: Options & Globals): Promise<void> {
  const path = options.slow === true ? "/sessions?slow=true" : "/sessions";
  const question = { method: "GET", path, what: "list the sessions" } as const;
  const shape = z.object({ sessions: z.array(sessionShape) });
  const { sessions } = await through(gatewayDoor(options), (door) => askFor(door, question, shape));
  if (options.json) return printJson(sessions);
  const now = Date.now();
  const rows = sessions.map((session) => [
    session.id,
    session.address || "this machine",
    session.transport,
    session.protocol,
    session.key,
    tame(shorten(session.subscriptions)),
    session.slow ? `${session.queued_bytes} B, ${session.queued_ms} ms` : "",
    session.dropped === 0 ? "" : String(session.dropped),
    ago(session.last_in, now),
    ago(session.last_out, now),
    session.last_refusal === undefined ? "" : `${session.last_refusal.code} ${session.last_refusal.name}`,
  ]);
  const heads = ["ID", "ADDRESS", "TRANSPORT", "PROTOCOL", "KEY", "LISTENS TO", "QUEUED", "DROPPED", "IN", "OUT"];
  printTable([...heads, "REFUSED"], rows, options.slow === true ? "Nobody is slow." : "Nobody is connected.");
}

async function showSession(id: string, globals: Globals): Promise<void> {
  const question = { method: "GET", path: `/sessions/${encodeURIComponent(id)}`, what: "show the session" } as const;
  const session = await through(gatewayDoor(globals), (door) => askFor(door, question, sessionShape));
  if (globals.json) return printJson(session);
  for (const [name, value] of linesOf(session, Date.now())) print(`${name.padEnd(13)}${tame(value)}`);
}

function linesOf(session: SessionView, now: number): readonly (readonly [string, string])[] {
  const { last_refusal: refused, device } = session;
  return [
    ["Session", `${session.id}, since ${printTime(session.since)}`],
    ["Address", session.address || "this machine"],
    ["Speaks", `${session.protocol} over ${session.transport}`],
    ["Key", `${session.key} (${session.name})${device === undefined ? "" : `, of device ${device}`}`],
    ["May", printGrants(session.grants)],
    ["Listens to", session.subscriptions.length === 0 ? "nothing" : session.subscriptions.join(", ")],
    ["Reads", session.slow ? `too slowly, for ${session.queued_ms} ms` : "fast enough"],
    ["Queued", `${session.queued_bytes} bytes`],
    ["Dropped", `${session.dropped} publications`],
    ["Last byte in", `${ago(session.last_in, now)} ago`],
    ["Last out", `${ago(session.last_out, now)} ago`],
    [
      "Last refused",
      refused === undefined
        ? "nothing"
        : `${refused.code} ${refused.name}, ${ago(refused.time, now)} ago: ${refused.message}`,
    ],
  ];
}

/** `12 s`, `3 min`, `5 h`. */
function ago(time: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - time) / 1000));
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** The first ones, and how many more. */
function shorten(channels: readonly string[]): string {
  const [first = "", second, ...more] = channels;
  return [first, ...(second === undefined ? [] : [second]), ...(more.length === 0 ? [] : [`+${more.length}`])].join(
    " ",
  );
}
