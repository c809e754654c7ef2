/** A log that the test reads. */
import type { Log } from "../../src/ports.ts";

export interface Line {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly fields: object;
  readonly text: string;
}

export class FakeLog implements Log {
  readonly lines: Line[] = [];

  debug(fields: object, text: string): void {
    this.lines.push({ level: "debug", fields, text });
  }
  info(fields: object, text: string): void {
    this.lines.push({ level: "info", fields, text });
  }
  warn(fields: object, text: string): void {
    this.lines.push({ level: "warn", fields, text });
  }
  error(fields: object, text: string): void {
    this.lines.push({ level: "error", fields, text });
  }

  get errors(): string[] {
    return this.lines.filter(({ level }) => level === "error").map(({ text }) => text);
  }
}
