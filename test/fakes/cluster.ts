/**
 * A broker of several nodes, in one process: one puts in order, and each node hears of it later, over a line of its own in
 * which everything comes in its order. What a node is told of the past comes over it too, behind all that it contains.
 */
import type { EmbeddedBroker } from "../../src/brokers/embedded/broker.ts";
import type {
  Broker,
  Draft,
  HistoryPage,
  HistoryQuery,
  Past,
  Publication,
  Reading,
  Receipt,
  Relay,
  Selector,
} from "../../src/ports.ts";

export class Cluster {
  readonly broker: EmbeddedBroker;
  readonly nodes = new Map<string, ClusterNode>();

  constructor(broker: EmbeddedBroker) {
    this.broker = broker;
    broker.attach((publication) => {
      for (const node of this.nodes.values()) void node.later(() => node.deliver(publication));
    });
  }

  join(name: string): ClusterNode {
    const node = new ClusterNode(this, name);
    this.nodes.set(name, node);
    return node;
  }
}

export class ClusterNode implements Broker {
  readonly run: string;
  readonly relay: Relay;
  deliver: (publication: Publication) => void = () => undefined;
  hear: (message: string) => void = () => undefined;
  readonly #broker: EmbeddedBroker;
  #line: Promise<unknown> = Promise.resolve();

  constructor({ broker, nodes }: Cluster, name: string) {
    this.#broker = broker;
    this.run = broker.run;
    this.relay = {
      node: name,
      attach: (hear) => {
        this.hear = hear;
      },
      async hand(node, message) {
        const other = nodes.get(node);
        await other?.later(() => other.hear(message));
        return other !== undefined;
      },
    };
  }

  /** Does it when all that is on its way to this node has arrived. */
  later<T>(work: () => T): Promise<T> {
    const done = this.#line.then(work);
    this.#line = done.catch(() => undefined);
    return done;
  }

  attach(deliver: (publication: Publication) => void): void {
    this.deliver = deliver;
  }

  async publish(channel: string, draft: Draft): Promise<Receipt> {
    const receipt = await this.#broker.publish(channel, draft);
    return this.later(() => receipt);
  }

  async read(selector: Selector, past: Past): Promise<Reading> {
    const reading = this.#broker.read(selector, past);
    return this.later(() => reading);
  }

  async history(channel: string, query: HistoryQuery): Promise<HistoryPage> {
    const page = this.#broker.history(channel, query);
    return this.later(() => page);
  }

  async channels(pattern: string): Promise<readonly string[]> {
    return this.#broker.channels(pattern);
  }

  async removeHistory(channel: string): Promise<void> {
    this.#broker.removeHistory(channel);
  }

  async close(): Promise<void> {
    await this.#broker.close();
  }
}
