/** The way to a gateway, or to what it would keep. */
import type { IncomingMessage } from "node:http";
import type { z } from "zod";
import { CommandFailure } from "./failure.ts";

export interface Question {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  /** What it is for, to stand in an error: `create the key`. */
  readonly what: string;
  readonly body?: string;
  /** Default: JSON. */
  readonly type?: string;
}

export interface Door {
  /** The answer's JSON; nothing where there is none. Rejects with `CommandFailure` when refused. */
  ask(question: Question): Promise<unknown>;
  close(): void;
}

/** A door that stays open for what comes. */
export interface StreamingDoor extends Door {
  /** JSON lines. Rejects like `ask`. */
  open(path: string, what: string, signal: AbortSignal): Promise<IncomingMessage>;
}

/** The answer to a question, in the shape that it must have. */
export async function askFor<Shape extends z.ZodType>(
  door: Door,
  question: Question,
  shape: Shape,
): Promise<z.output<Shape>> {
  const parsed = shape.safeParse(await door.ask(question));
  if (parsed.success) return parsed.data;
  throw new CommandFailure(`Cannot ${question.what}: the answer is not that of this version of Hearthwire`);
}
