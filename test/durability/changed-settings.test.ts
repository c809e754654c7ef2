/** A channel that is durable, then not, then durable again, on the real program that is killed in between. */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { Home } from "../cli/command-line.ts";
import { House } from "../lifecycle/house.ts";

// Several processes start one after another.
setDefaultTimeout(60_000);

let home: Home;
beforeEach(() => {
  home = new Home();
});
afterEach(() => home.clear());

const anonymous = 'anonymous: { subscribe: ["**"], publish: ["**"] }\n';
const durable = `${anonymous}channels: { house/**: { durable: true } }\n`;

interface Answer {
  readonly cursor: string;
  readonly gap?: boolean;
  readonly publications: readonly { readonly data: unknown }[];
}

async function poll(house: House, cursor?: string): Promise<Answer> {
  const since = cursor === undefined ? "" : `?since=${cursor}&wait=0`;
  return (await (await fetch(`${house.url}/channels/house/hall${since}`)).json()) as Answer;
}

test("who comes back with a cursor of the time before is told of a gap, and later ones are good", async () => {
  const before: string[] = [];
  const lives = async (settings: string, work: (house: House) => Promise<void>): Promise<void> => {
    const house = await new House(home).start(settings);
    for (const cursor of before) expect(await poll(house, cursor)).toMatchObject({ gap: true });
    await work(house);
    await house.command?.end("SIGKILL");
  };
  const publishes = async (house: House): Promise<void> => {
    for (const body of ["1", "2"]) {
      expect(await house.publish("house/hall", body)).toMatchObject({ status: 200 });
      before.push((await poll(house)).cursor);
    }
  };
  await lives(durable, publishes);
  await lives(anonymous, publishes);
  let since = "";
  await lives(durable, async (house) => {
    expect(await house.publish("house/hall", "3")).toMatchObject({ status: 200, offset: 1 });
    since = (await poll(house)).cursor;
    expect(await house.publish("house/hall", "4")).toMatchObject({ status: 200, offset: 2 });
  });
  await lives(durable, async (house) => {
    const { gap, publications } = await poll(house, since);
    expect([gap, publications.map(({ data }) => data)]).toEqual([undefined, ["4"]]);
  });
});
