/** A log that the test reads. */
import type { Log } from "../../src/ports.ts";
import { heard } from "../secrets/ledger.ts";

export interface Line {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly fields: object;
  readonly text: string;
}

export class FakeLog implements Log {
  readonly lines: Line[] = [];

  readonly debug = this.#noting("debug");
  readonly info = this.#noting("info");
  readonly warn = this.#noting("warn");
  readonly error = this.#noting("error");

  #noting(level: Line["level"]): (fields: object, text: string) => void {
    return (fields, text) => {
      heard(fields, text);
      this.lines.push({ level, fields, text });
    };
  }

  get errors(): string[] {
    return this.lines.filter(({ level }) => level === "error").map(({ text }) => text);
  }
}
