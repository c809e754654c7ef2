/** The gateway's log: for people on a terminal, JSON otherwise; on the error output, and never with a secret in it. */
import pino from "pino";
import { prettyFactory } from "pino-pretty";
import type { Config } from "../config/schema.ts";
import { redact } from "../core/redaction.ts";
import type { Log } from "../ports.ts";

/** Where lines go. */
export interface LogOutput {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export function openLog({ level, format }: Config["log"], output: LogOutput): Log {
  const forPeople = format === "text" || (format === "auto" && output.isTTY === true);
  const colorize = output.isTTY === true && !process.env["NO_COLOR"];
  const pretty = forPeople ? prettyFactory({ colorize, translateTime: "SYS:HH:MM:ss.l", singleLine: true }) : undefined;
  const write = (line: string): void => {
    // The whole line: secrets come in fields and in the messages of errors too.
    const clean = redact(line);
    output.write(pretty === undefined ? clean : (pretty(clean) ?? clean));
  };
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, { write });
}
