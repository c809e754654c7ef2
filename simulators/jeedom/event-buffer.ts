/**
 * Jeedom's list of events, from which every client is answered: the newest 250, of each command, equipment, scenario
 * and summary only the last. Two dialects: until 4.4.9 a list in the cache, since 4.4.10 a table.
 */

export type Dialect = "4.4.9" | "4.4.10" | "4.5";
export const dialects: readonly Dialect[] = ["4.4.9", "4.4.10", "4.5"];

export interface Row {
  /** In seconds. */
  readonly datetime: number;
  readonly name: string;
  readonly option: unknown;
}

export interface Changes {
  readonly datetime: number;
  readonly result: readonly Row[];
}

const most = 250;
/** How far in the future an event may be dated, in seconds. */
const future = 300;
/** The width of the table's column. */
const longestOption = 8192;

export class EventBuffer {
  readonly #dialect: Dialect;
  readonly #now: () => number;
  #rows: Row[] = [];
  /** The one that is kept of each subject. */
  readonly #newest = new Map<string, Row>();

  /** `now` is Jeedom's clock, in seconds. */
  constructor(dialect: Dialect, now: () => number) {
    this.#dialect = dialect;
    this.#now = now;
  }

  get size(): number {
    return this.#rows.length;
  }

  /** `datetime`: as from a process that was slow to write what it had dated. */
  add(name: string, option: unknown, datetime = this.#now()): Row {
    const row = { datetime, name, option: this.#stored(option) };
    this.#rows.push(row);
    this.#coalesce(row);
    this.#clean();
    return row;
  }

  /** As after the database or the cache was lost. */
  clear(): void {
    this.#rows = [];
    this.#newest.clear();
  }

  since(given: number | undefined): Changes {
    const now = this.#now();
    const cursor = Math.min(given ?? (this.#dialect === "4.4.9" ? 0 : Number.NaN), now);
    if (this.#dialect === "4.4.9") {
      const result = this.#rows.filter(({ datetime }) => datetime > cursor);
      return { datetime: this.#rows.at(-1)?.datetime ?? cursor, result };
    }
    const result = this.#rows.filter(({ datetime }) => datetime >= cursor).sort((a, b) => a.datetime - b.datetime);
    // What is written between the reading and this moment is dated before what is told here.
    return { datetime: this.#now(), result };
  }

  /** A text where it is too long for its column: the rest of it is gone, and so it is no JSON any more. */
  #stored(option: unknown): unknown {
    if (this.#dialect === "4.4.9") return option;
    const text = typeof option === "string" ? option : JSON.stringify(option);
    return text.length > longestOption ? text.slice(0, longestOption) : option;
  }

  #coalesce(row: Row): void {
    const subject = subjectOf(row);
    if (subject === undefined) return;
    const known = this.#newest.get(subject);
    const older = known !== undefined && known.datetime > row.datetime ? row : known;
    if (older !== row) this.#newest.set(subject, row);
    if (older !== undefined) this.#rows.splice(this.#rows.lastIndexOf(older), 1);
  }

  #clean(): void {
    const latest = this.#now() + future;
    if (this.#rows.some(({ datetime }) => datetime > latest)) {
      this.#drop(this.#rows.filter(({ datetime }) => datetime > latest));
    }
    if (this.#rows.length <= most) return;
    if (this.#dialect !== "4.4.9") this.#rows.sort((a, b) => a.datetime - b.datetime);
    this.#drop(this.#rows.slice(0, this.#rows.length - most));
  }

  #drop(rows: readonly Row[]): void {
    this.#rows = this.#rows.filter((row) => !rows.includes(row));
    for (const row of rows) {
      const subject = subjectOf(row);
      if (subject !== undefined && this.#newest.get(subject) === row) this.#newest.delete(subject);
    }
  }
}

/** What only the last event of is kept. */
function subjectOf({ name, option }: Row): string | undefined {
  const of = (typeof option === "object" && option !== null ? option : {}) as Readonly<Record<string, unknown>>;
  if (name === "cmd::update") return `${name} ${String(of["cmd_id"])}`;
  if (name === "eqLogic::update") return `${name} ${String(of["eqLogic_id"])}`;
  if (name === "scenario::update") return `${name} ${String(of["scenario_id"])}`;
  if (name !== "jeeObject::summary::update") return undefined;
  return `${name} ${String(of["object_id"])} ${Object.keys((of["keys"] ?? {}) as object).join()}`;
}
