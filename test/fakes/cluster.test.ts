/** The double is a broker like any other: what is tested with it may be believed. */
import { expect, test } from "bun:test";
import { EmbeddedBroker } from "../../src/brokers/embedded/broker.ts";
import { brokerContract } from "../brokers/broker.contract.ts";
import { contractSettings, type StartOptions } from "../brokers/broker-bench.ts";
import { FakeChance } from "./chance.ts";
import { FakeClock, settle } from "./clock.ts";
import { Cluster } from "./cluster.ts";
import { FakeLog } from "./log.ts";

function clusterOn(clock: FakeClock, { maxChannels }: Pick<StartOptions, "maxChannels"> = {}): Cluster {
  const parts = { clock, chance: new FakeChance(), log: new FakeLog(), settingsOf: contractSettings("no") };
  return new Cluster(new EmbeddedBroker(maxChannels === undefined ? parts : { ...parts, maxChannels }));
}

brokerContract("a node among others", async (clock, options) => {
  const cluster = clusterOn(clock, options);
  cluster.join("far");
  return { broker: cluster.join("near"), clock, works: settle };
});

test("A node hears what others hand to it, of each in its order; of a node that is not there they are told", async () => {
  const cluster = clusterOn(new FakeClock());
  const [one, other] = [cluster.join("one"), cluster.join("other")];
  const heard: string[] = [];
  other.relay.attach((message) => heard.push(message));
  const handed = ["1", "2", "3"].map((message) => one.relay.hand("other", message));
  expect(await Promise.all(handed)).toEqual([true, true, true]);
  expect(heard).toEqual(["1", "2", "3"]);
  expect(await one.relay.hand("nobody", "4")).toBe(false);
  await cluster.broker.close();
});
