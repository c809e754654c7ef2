import { describe, test } from "bun:test";
import fc from "fast-check";
import { House } from "./model/house.ts";
import { type BrokerKind, channels, clients, type Step, selectors, slots } from "./model/life.ts";
import { reaches } from "./model/truth.ts";

const runs = process.env["HEARTHWIRE_LONG"] === "1" ? 20_000 : 400;

const brokers: Record<BrokerKind, string> = {
  embedded: "the embedded broker",
  journal: "the embedded broker, with a journal that takes its time and sometimes fails",
  asynchronous: "a broker far away, whose answers and publications take their time",
};

type Of<Kind extends Step["do"]> = Step & { readonly do: Kind };

/** Each life has a few channels only, so that much happens on each. */
function lives(kind: BrokerKind): fc.Arbitrary<readonly Step[]> {
  return fc.shuffledSubarray([...channels], { minLength: 1, maxLength: 3 }).chain((busy) =>
    fc
      .tuple(
        // Everybody listens to something from the beginning.
        fc.tuple(...Array.from({ length: clients }, (_, at) => subscribing(busy, fc.constant(at)))),
        fc.array(steps(kind, busy), { minLength: 1, maxLength: 100, size: "max" }),
      )
      .map(([first, rest]) => [...first, ...rest]),
  );
}

function subscribing(busy: readonly string[], client: fc.Arbitrary<number>): fc.Arbitrary<Of<"subscribe">> {
  const useful = selectors.filter((parts) => busy.some((channel) => reaches(parts, channel)));
  return fc.record({
    do: fc.constant("subscribe"),
    client,
    slot: fc.nat(slots - 1),
    selector: fc.constantFrom(...useful),
  });
}

function steps(kind: BrokerKind, busy: readonly string[]): fc.Arbitrary<Step> {
  const client = fc.nat(clients - 1);
  const slot = fc.nat(slots - 1);
  const publish: fc.Arbitrary<Step> = fc.record({
    do: fc.constant("publish"),
    channel: fc.constantFrom(...busy),
    key: fc.constantFrom("x", "y", "z"),
    removed: fc.nat(3).map((one) => one === 0),
    times: fc.constantFrom(1, 1, 1, 2, 6),
  });
  const moves = ["disconnect", "reconnect", "reconnect", "reconnect", "stop", "readOn", "dismiss", "say"] as const;
  const turns = ["endTurn", "endTurn", "breathe"] as const;
  const whiles = {
    embedded: [],
    journal: ["commit", "commit", "refuse"],
    asynchronous: ["deliver", "deliver", "take"],
  };
  const ofBroker = whiles[kind] as readonly ("commit" | "refuse" | "deliver" | "take")[];
  const answer: fc.Arbitrary<Step> = fc.record({ do: fc.constant("answer"), which: fc.nat(2) });
  return fc.oneof(
    { weight: 10, arbitrary: publish },
    { weight: 2, arbitrary: subscribing(busy, client) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("resubscribe"), client, slot, fresh: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("unsubscribe"), client, slot }) },
    { weight: 8, arbitrary: fc.record({ do: fc.constantFrom(...moves), client }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constantFrom(...turns) }) },
    { weight: 8, arbitrary: fc.record({ do: fc.constantFrom(...ofBroker, "endTurn" as const) }) },
    { weight: kind === "asynchronous" ? 5 : 0, arbitrary: answer },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("wait"), ms: fc.constantFrom(900, 4000, 45_000) }) },
  );
}

describe("whatever clients do, nothing is lost, nothing comes twice, all comes in order, and gaps are told", () => {
  for (const kind of ["embedded", "journal", "asynchronous"] as const) {
    test(`by ${brokers[kind]} (property)`, async () => {
      await fc.assert(
        fc.asyncProperty(lives(kind), async (life) => {
          const house = new House(kind);
          await house.start();
          for (const step of life) await house.take(step);
          await house.rest();
          house.verify();
        }),
        { numRuns: runs },
      );
    });
  }
});
