/** Brokers of the model: one whose order is known, and a far one before it. */
import { EmbeddedBroker } from "../../../src/brokers/embedded/broker.ts";
import type {
  Broker,
  Clock,
  Draft,
  HistoryPage,
  HistoryQuery,
  MaybePromise,
  Past,
  Publication,
  Reading,
  Receipt,
  Selector,
} from "../../../src/ports.ts";

/** The broker whose order is the truth. */
export class Near extends EmbeddedBroker {
  readonly truth: Publication[] = [];

  override attach(deliver: (publication: Publication) => void): void {
    super.attach((publication) => {
      this.truth.push(publication);
      deliver(publication);
    });
  }
}

/** Between the broker and the hub: notes when the hub is being told. */
export class Tap implements Broker {
  readonly inner: Broker;
  telling = false;

  constructor(inner: Broker) {
    this.inner = inner;
  }
  attach(deliver: (publication: Publication) => void): void {
    this.inner.attach((publication) => {
      this.telling = true;
      deliver(publication);
      this.telling = false;
    });
  }
  publish(channel: string, draft: Draft): MaybePromise<Receipt> {
    return this.inner.publish(channel, draft);
  }
  read(selector: Selector, past: Past): MaybePromise<Reading> {
    return this.inner.read(selector, past);
  }
  history(channel: string, query: HistoryQuery): MaybePromise<HistoryPage> {
    return this.inner.history(channel, query);
  }
  channels(pattern: string): MaybePromise<readonly string[]> {
    return this.inner.channels(pattern);
  }
  close(): Promise<void> {
    return this.inner.close();
  }
}

interface Question {
  readonly ask: () => Reading;
  reading: Reading | undefined;
  readonly resolve: (reading: Reading) => void;
}

/**
 * Like a broker at the other end of a network: publications arrive some time after they were put in order, but in that
 * order; a reading is made at some moment and arrives at a later one, never before all that it contains.
 */
export class Far implements Broker {
  /** When each reading was made. */
  readonly made = new WeakMap<Reading, number>();
  readonly #clock: Clock;
  readonly #near: Near;
  readonly #underWay: Publication[] = [];
  readonly #questions: Question[] = [];
  #receipts: (() => void)[] = [];
  #deliver: (publication: Publication) => void = () => undefined;
  #arrived = 0;

  constructor(near: Near, clock: Clock) {
    this.#near = near;
    this.#clock = clock;
    near.attach((publication) => this.#underWay.push(publication));
  }
  attach(deliver: (publication: Publication) => void): void {
    this.#deliver = deliver;
  }
  publish(channel: string, draft: Draft): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      const receipt = this.#near.publish(channel, draft);
      if (receipt instanceof Promise) receipt.then(resolve, reject);
      else this.#receipts.push(() => resolve(receipt));
    });
  }
  read(selector: Selector, past: Past): Promise<Reading> {
    return new Promise((resolve) => {
      this.#questions.push({ ask: () => this.#near.read(selector, past), reading: undefined, resolve });
    });
  }
  async history(channel: string, query: HistoryQuery): Promise<HistoryPage> {
    return this.#near.history(channel, query);
  }
  async channels(pattern: string): Promise<readonly string[]> {
    return this.#near.channels(pattern);
  }
  close(): Promise<void> {
    return this.#near.close();
  }

  /** The oldest publication under way arrives. */
  arrive(): boolean {
    const publication = this.#underWay.shift();
    if (publication === undefined) return false;
    this.#arrived = publication.seq;
    this.#deliver(publication);
    return true;
  }
  /** The oldest question that is not yet read is read. */
  take(): boolean {
    const question = this.#questions.find(({ reading }) => reading === undefined);
    if (question === undefined) return false;
    question.reading = question.ask();
    this.made.set(question.reading, this.#clock.now());
    return true;
  }
  /** A reading arrives, and with it what it contains. */
  answer(which: number): boolean {
    const made = this.#questions.filter(({ reading }) => reading !== undefined);
    const question = made[which % Math.max(1, made.length)];
    if (question?.reading === undefined) return false;
    while (this.#arrived < question.reading.position.seq && this.arrive());
    this.#questions.splice(this.#questions.indexOf(question), 1);
    question.resolve(question.reading);
    return true;
  }
  receipt(): void {
    const receipts = this.#receipts;
    this.#receipts = [];
    for (const resolve of receipts) resolve();
  }
}
