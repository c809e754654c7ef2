import { writeFileSync } from "node:fs";
import { homedir } from "node:os";
import type { Command } from "commander";
import { parseConfig } from "../config/load.ts";
import { type StarterAnswers, starterConfig } from "../config/starter.ts";
import { webUrl } from "../config/values.ts";
import { messageOf } from "../core/thrown.ts";
import { CommandFailure, codeOf } from "./failure.ts";
import { optionsOf } from "./globals.ts";
import { note, print, printJson } from "./output.ts";
import { type Question, Questions, yesOrNo } from "./questions.ts";

interface Options {
  readonly yes?: boolean;
  readonly force?: boolean;
}

export function addInit(program: Command): void {
  program
    .command("init")
    .description("ask a few questions and write a commented configuration")
    .argument("[file]", "where to write it (default: what --config says, else hearthwire.yaml)")
    .option("--yes", "ask nothing, take what is proposed")
    .option("--force", "replace the file if it is there")
    .action((file: string | undefined, _: object, command: Command) => init(file, optionsOf<Options>(command)));
}

const proposed: StarterAnswers = { lan: false, port: 8642, anonymousReading: false };

async function init(given: string | undefined, options: ReturnType<typeof optionsOf<Options>>): Promise<void> {
  const file = given ?? options.config ?? "hearthwire.yaml";
  const standard: StarterAnswers = { ...proposed, data: options.data };
  const answers = options.yes ? standard : await askAll(standard);
  const text = starterConfig(answers);
  parseConfig({ text, file, env: { HOME: homedir() } });
  try {
    writeFileSync(file, text, { flag: options.force ? "w" : "wx" });
  } catch (thrown) {
    const why = codeOf(thrown) === "EEXIST" ? "it is there already; --force replaces it" : messageOf(thrown);
    throw new CommandFailure(`Cannot write ${file}: ${why}`);
  }
  if (options.json) printJson({ file });
  else {
    note(`Wrote ${file}. Start the gateway with:`);
    print(`hearthwire serve --config ${/^[\w./-]+$/.test(file) ? file : `'${file.replaceAll("'", "'\\''")}'`}`);
  }
}

async function askAll(standard: StarterAnswers): Promise<StarterAnswers> {
  const questions = new Questions();
  try {
    const lan = await questions.ask(
      yesOrNo("Shall other machines of the house reach it, not only this one?", standard.lan),
    );
    const port = await questions.ask(portQuestion(standard.port));
    const publicUrl = await questions.ask(publicUrlQuestion);
    const data = await questions.ask(dataQuestion(standard.data));
    const text = "May everybody in the house's own network read home/** without a key?";
    const anonymousReading = await questions.ask(yesOrNo(text, standard.anonymousReading));
    return { lan, port, publicUrl, data, anonymousReading };
  } finally {
    questions.close();
  }
}

function portQuestion(standard: number): Question<number> {
  return {
    text: "On which port shall it listen?",
    standard: String(standard),
    read: (answer) =>
      /^\d{1,5}$/.test(answer) && Number(answer) >= 1 && Number(answer) <= 65_535
        ? { answer: Number(answer) }
        : { fault: "must be a number from 1 to 65535" },
  };
}

const publicUrlQuestion: Question<string | undefined> = {
  text: "By which URL does the world know it, through a proxy or router?",
  standard: "none",
  read(answer) {
    if (answer === "none") return { answer: undefined };
    const parsed = webUrl.safeParse(answer);
    return parsed.success ? { answer } : { fault: parsed.error.issues[0]?.message ?? "must be a URL" };
  },
};

function dataQuestion(standard: string | undefined): Question<string | undefined> {
  return {
    text: "In which folder shall it keep keys, devices and what is durable?",
    standard: standard ?? "your own",
    read: (answer) => ({ answer: answer === "your own" ? undefined : answer }),
  };
}
