/** Embedded brokers as tests start them, and places where their journals are kept. */
import { EmbeddedBroker } from "../../src/brokers/embedded/broker.ts";
import type { Figure } from "../../src/core/figure.ts";
import type { Journal, SettingsOf } from "../../src/ports.ts";
import { SqliteJournal } from "../../src/storage/journal.ts";
import { FakeChance } from "../fakes/chance.ts";
import { FakeClock, settle } from "../fakes/clock.ts";
import { FakeJournal, JournalPaper } from "../fakes/journal.ts";
import { FakeLog } from "../fakes/log.ts";
import { silent, type TemporaryDirectories } from "../storage/temporary.ts";
import { Bench, contractSettings } from "./broker-bench.ts";

const chance = new FakeChance();

export interface Making {
  readonly journal?: Journal;
  readonly settingsOf?: SettingsOf;
  readonly durableRules?: () => string;
  readonly maxChannels?: Figure;
  readonly leastRoom?: number;
  readonly clock?: FakeClock;
  /** Lets a journal on disk do its work; one in memory needs no time. */
  readonly onDisk?: boolean;
}

export async function startEmbedded({ onDisk, settingsOf, clock = new FakeClock(), ...parts }: Making): Promise<Bench> {
  const broker = new EmbeddedBroker({
    clock,
    chance,
    log: new FakeLog(),
    settingsOf: settingsOf ?? contractSettings("no"),
    // So that what a test publishes is packed at once.
    segmentSize: 2,
    ...parts,
  });
  await broker.start();
  const works = async (): Promise<void> => {
    clock.endTurn();
    // Answered when all that came before it is on the disk.
    if (onDisk === true) await parts.journal?.reserve(0);
    await settle();
    clock.endTurn();
    await settle();
  };
  return new Bench({ broker, clock, works });
}

/** A place where journals are kept, in the order in which brokers come and go. */
export interface Place {
  open(): Promise<Journal>;
  readonly onDisk: boolean;
}

export const places = (directories: TemporaryDirectories): [string, () => Place][] => [
  [
    "in memory",
    () => {
      const paper = new JournalPaper();
      return { open: async () => new FakeJournal(paper), onDisk: false };
    },
  ],
  [
    "in SQLite",
    () => {
      const directory = directories.make();
      return { open: () => SqliteJournal.open(directory, { log: silent }), onDisk: true };
    },
  ],
];

/** Runs a broker on the place and closes it again. */
export async function runAt<Result>(
  place: Place,
  work: (bench: Bench) => Promise<Result>,
  more: Making = {},
): Promise<Result> {
  const bench = await startEmbedded({ ...more, journal: await place.open(), onDisk: place.onDisk });
  try {
    return await work(bench);
  } finally {
    await bench.broker.close();
  }
}
