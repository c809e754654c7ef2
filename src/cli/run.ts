/** Runs one command, and says with its exit code how it went. */
import { CommanderError } from "commander";
import { ConfigError } from "../config/faults.ts";
import { redact } from "../core/redaction.ts";
import { messageOf } from "../core/thrown.ts";
import { CommandFailure, exitCodes } from "./failure.ts";
import { note } from "./output.ts";
import { makeProgram } from "./program.ts";

/** Ends the process; nothing that is left open keeps it. */
export async function run(words: readonly string[]): Promise<never> {
  // Whoever reads our output may have had enough (`| head`).
  process.stdout.on("error", () => process.exit(exitCodes.done));
  const code = await obey(words);
  await new Promise((resolve) => process.stdout.write("", resolve));
  process.exit(code);
}

async function obey(words: readonly string[]): Promise<number> {
  try {
    await makeProgram().parseAsync(words, { from: "user" });
    return exitCodes.done;
  } catch (thrown) {
    return explain(thrown);
  }
}

function explain(thrown: unknown): number {
  // Commander has said it already.
  if (thrown instanceof CommanderError) {
    const asked = ["commander.helpDisplayed", "commander.version"].includes(thrown.code);
    return asked || (thrown.code === "commander.help" && thrown.exitCode === 0) ? exitCodes.done : exitCodes.wrongUse;
  }
  if (thrown instanceof CommandFailure) {
    note(redact(thrown.message));
    return thrown.exitCode;
  }
  if (thrown instanceof ConfigError) note(`Cannot use the configuration:\n${redact(thrown.message)}`);
  else note(redact(sentenceOf(thrown)));
  return exitCodes.failed;
}

function sentenceOf(thrown: unknown): string {
  const message = messageOf(thrown);
  return message.startsWith("Cannot ") ? message : `Cannot go on: ${message}`;
}
