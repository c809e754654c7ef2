/** Asking a person on a terminal, or a script on the standard input, line by line. */
import { createInterface, type Interface } from "node:readline";
import { wrongUse } from "./failure.ts";

export interface Question<Answer> {
  readonly text: string;
  /** What an empty line means, as one would type it. */
  readonly standard: string;
  /** What was meant, or what is wrong with it. */
  read(answer: string): { readonly answer: Answer } | { readonly fault: string };
}

export class Questions {
  readonly #interface: Interface = createInterface({ input: process.stdin, output: process.stderr });
  readonly #lines: AsyncIterator<string> = this.#interface[Symbol.asyncIterator]();

  /** Asks until the answer is one. */
  async ask<Answer>({ text, standard, read }: Question<Answer>): Promise<Answer> {
    for (;;) {
      this.#interface.setPrompt(`${text} [${standard}] `);
      this.#interface.prompt();
      const { value, done } = await this.#lines.next();
      if (done) throw wrongUse("Cannot ask any more: the input has ended. Answer all questions, or use --yes");
      const result = read(String(value).trim() || standard);
      if ("answer" in result) return result.answer;
      process.stderr.write(`It ${result.fault}.\n`);
    }
  }

  close(): void {
    this.#interface.close();
  }
}

export function yesOrNo(text: string, standard: boolean): Question<boolean> {
  return {
    text,
    standard: standard ? "yes" : "no",
    read(answer) {
      if (/^y(es)?$/i.test(answer)) return { answer: true };
      return /^no?$/i.test(answer) ? { answer: false } : { fault: "must be yes or no" };
    },
  };
}
