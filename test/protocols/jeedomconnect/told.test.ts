/** What a phone is told of values by two who tell of them, in whichever order that comes. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Change } from "../../../src/protocols/jeedomconnect/change.ts";
import { reworded } from "../../../src/protocols/jeedomconnect/entry.ts";
import { Told } from "../../../src/protocols/jeedomconnect/told.ts";

const begin = 1_700_000_000_000;
const commands = ["1", "2"];

interface Kind {
  /** Until 4.4.9 an answer has the time of the newest event, and what is after the cursor; later its own, and the event at the cursor too. */
  readonly isOld: boolean;
  /** Between looking for events and taking the time there is time: what happens in it is lost to the plugin. */
  readonly hasWindow: boolean;
  /** The hub misses events, which is told; Jeedom's clock is put back, which is noticed as that. */
  readonly hasGaps: boolean;
}

const step = fc.record({
  what: fc.constantFrom(
    "change",
    "change",
    "change",
    "hear",
    "hear",
    "ask",
    "read",
    "answer",
    "connect",
    "welcome",
    "miss",
    "set back",
    "tell",
  ),
  id: fc.constantFrom(...commands),
  /** Several in a second: dates alone tell nothing. */
  pause: fc.integer({ min: 1, max: 400 }),
  /** Whether what the phone is told then reaches it. */
  arrives: fc.boolean(),
});
type Step = ReturnType<(typeof step)["generate"]>["value"];

interface Question {
  readonly asked: number;
  readonly edition: number;
  /** Which commands have had events, once the plugin has looked; and what it says of them. */
  ids?: ReadonlySet<string>;
  read?: { readonly entries: readonly string[]; readonly datetime: number };
}

/** A Jeedom whose commands count up, its plugin, the hub that lags behind it, and one phone. */
class World {
  now = begin;
  readonly told = new Told();
  readonly values = new Map(commands.map((id) => [id, { value: 0, modified: begin / 1000 }]));
  readonly shown = new Map<string, number>();
  readonly faults: string[] = [];
  readonly #kind: Kind;
  /** How far Jeedom's clock goes behind ours, in ms. */
  #behind = 0;
  readonly #events: Change[] = [];
  #heard = 0;
  #cursor = 0;
  #asking: Question | undefined;
  #connecting: Question | undefined;

  constructor(kind: Kind) {
    this.#kind = kind;
  }

  /** In seconds. */
  get #jeedomNow(): number {
    return (this.now - this.#behind) / 1000;
  }

  run({ what, id, pause, arrives }: Step): void {
    this.now += pause;
    if (what === "change") this.#change(id);
    else if (what === "hear") this.#hear(arrives);
    else if (what === "ask") this.#asking ??= { asked: this.now, edition: this.told.edition };
    else if (what === "connect") this.#connecting ??= { asked: this.now, edition: 0 };
    else if (what === "read") this.#read();
    else if (what === "answer") this.#answer(arrives);
    else if (what === "welcome") this.#welcome();
    else if (what === "miss") this.#miss();
    else if (what === "set back") this.#setBack(pause);
    else this.#tell([], arrives);
  }

  /** All that is on its way comes, and the plugin is asked as often as it is anyway. */
  end(): void {
    const asking = ["ask", "read", "read", "answer"] as const;
    const all = ["read", "read", "answer", "welcome", "hear", ...asking, ...asking, ...asking] as const;
    for (const what of all) this.run({ what, id: "1", pause: 50, arrives: true });
  }

  #change(id: string): void {
    const { value } = this.values.get(id) ?? { value: 0 };
    const modified = Math.floor(this.#jeedomNow);
    this.values.set(id, { value: value + 1, modified });
    const date = new Date(modified * 1000).toISOString().slice(0, 19).replace("T", " ");
    this.#events.push({ id, at: this.#jeedomNow, value: String(value + 1), valueDate: date, collectDate: date });
  }

  /** A newer event may be read before one that was slow to be written. */
  #hear(isInOrder: boolean): void {
    const unheard = this.#events.slice(this.#heard);
    for (const change of isInOrder ? unheard : unheard.reverse()) {
      this.told.hear(change);
    }
    this.#heard = this.#events.length;
    this.#tell([], true);
  }

  /** The hub will hear nothing of what it has not heard yet. Not where the plugin cannot tell it either: its cursor may stand in a future. */
  #miss(): void {
    if (!this.#kind.hasGaps || this.#behind > 0) return;
    this.#heard = this.#events.length;
    this.told.miss();
  }

  #entry(id: string): string {
    const { value, modified } = this.values.get(id) ?? { value: 0, modified: 0 };
    return `{"id":"${id}","value":"${value}","modified":${modified},"collectDate":${modified},"history":{"tendance":null}}`;
  }

  /** Once, and when all until then was told: Jeedom itself takes what was before for newer, and until 4.4.9 answers with times to come. */
  #setBack(pause: number): void {
    const { hasGaps, isOld } = this.#kind;
    if (!hasGaps || isOld || this.#behind > 0 || !this.told.isSettled) return;
    this.#hear(true);
    this.#behind += 20 * pause;
    this.told.miss();
  }

  /** First it looks for events, then it takes the time and reads values. */
  #read(): void {
    const { isOld, hasWindow } = this.#kind;
    const question = this.#asking;
    if (question !== undefined && question.read === undefined) {
      const hadNone = question.ids === undefined;
      const cursor = Math.min(this.#cursor, this.#jeedomNow);
      const isNew = ({ at }: Change): boolean => (isOld ? at > cursor : at >= cursor);
      question.ids ??= new Set(this.#events.filter(isNew).map(({ id }) => id));
      if (!hasWindow || !hadNone) {
        const datetime = isOld ? (this.#events.at(-1)?.at ?? cursor) : this.#jeedomNow;
        question.read = { entries: Array.from(question.ids, (id) => this.#entry(id)), datetime };
      }
    }
    if (this.#connecting !== undefined)
      this.#connecting.read ??= { entries: commands.map((id) => this.#entry(id)), datetime: 0 };
  }

  #answer(arrives: boolean): void {
    const { read, edition } = this.#asking ?? {};
    if (read === undefined) return;
    this.#asking = undefined;
    if (!this.told.isKnown || edition !== this.told.edition) return;
    this.#cursor = read.datetime;
    this.#tell(this.told.take(read.entries, read.datetime), arrives);
  }

  #welcome(): void {
    const { asked = 0, read } = this.#connecting ?? {};
    if (read === undefined) return;
    this.#connecting = undefined;
    this.#cursor = (asked - this.#behind) / 1000;
    this.told.begin(read.entries);
    this.shown.clear();
    for (const text of read.entries) this.shown.set(JSON.parse(text).id, Number(JSON.parse(text).value));
  }

  #tell(news: readonly string[], arrives: boolean): void {
    const { texts } = this.told.due((entry, change) => reworded(entry, change, "UTC"));
    for (const text of arrives ? [...news, ...texts] : []) {
      const { id, value } = JSON.parse(text) as { id: string; value: string };
      const known = this.shown.get(id) ?? -1;
      if (Number(value) <= known) this.faults.push(`${id} was ${known} and then ${value}`);
      this.shown.set(id, Number(value));
    }
    if (arrives) this.told.arrived();
    else this.told.vanished();
  }
}

describe.each([
  ["4.4.9", { isOld: true, hasWindow: false, hasGaps: true }],
  ["4.5", { isOld: false, hasWindow: false, hasGaps: true }],
  ["4.5 that loses events", { isOld: false, hasWindow: true, hasGaps: false }],
] as const)("With a Jeedom %s", (_, kind) => {
  test("no value comes twice or after a newer one, and in the end the phone shows the house, whoever is late and whatever is lost", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 150, size: "max" }), (steps) => {
        const world = new World(kind);
        for (const what of ["connect", "read", "welcome"] as const)
          world.run({ what, id: "1", pause: 1, arrives: true });
        for (const one of steps) world.run(one);
        world.end();
        expect(world.faults).toEqual([]);
        expect(Object.fromEntries(world.shown)).toEqual(
          Object.fromEntries([...world.values].map(([id, { value }]) => [id, value])),
        );
      }),
      { numRuns: 1000 },
    );
  }, 60_000);
});
