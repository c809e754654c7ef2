// What the official SDK does in Bun, in Node and in a browser, into which the function goes as text.

/**
 * Its methods, and more: its token is renewed, a map of many keys is mirrored, changes come as deltas, a filter lets little through.
 * @param {any} Centrifuge
 * @param {Record<string, unknown>} options
 * @param {{ url: string, tokens: readonly string[] }} about `tokens`: the first ends soon; no more are asked for than there are.
 */
export async function sdkFeatures(Centrifuge, options, { url, tokens }) {
  const end = Date.now() + 15_000;
  /** @param {() => boolean} condition @param {string} what */
  const until = async (condition, what) => {
    while (!condition()) {
      if (Date.now() > end) throw new Error(`Waited in vain for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  let [asked, connects] = [0, 0];
  const getToken = async () => tokens[asked++] ?? "";
  const client = new Centrifuge(`${url.replace("http", "ws")}/connection/websocket`, { ...options, getToken });
  client.on("connected", () => connects++);
  client.connect();
  await client.ready(10_000);

  const entries = new Map();
  const map = client.newMapSubscription("maps/large");
  map.on("sync", (/** @type {any} */ told) => {
    for (const { key, data } of told.entries) entries.set(key, data);
  });
  map.on("update", (/** @type {any} */ { key, data, removed }) => {
    if (removed) entries.delete(key);
    else entries.set(key, data);
  });
  map.subscribe();
  await map.ready(10_000);
  const whole = entries.size;
  await client.mapPublish("maps/large", "last", true);
  await client.mapRemove("maps/large", "key 1");
  await until(() => entries.has("last") && !entries.has("key 1"), "the changes of the map");

  /** @type {number[]} */
  const heard = [];
  const changes = client.newSubscription("demo/changes", { delta: "fossil" });
  changes.on("publication", (/** @type {any} */ { data }) => heard.push(data.n));
  changes.subscribe();
  await changes.ready(5000);
  for (const n of [1, 2, 3]) await changes.publish({ text: "always the same ".repeat(30), n });
  await until(() => heard.length === 3, "the changes");

  /** @type {string[]} */
  const passed = [];
  const few = client.newSubscription("demo/few", { tagsFilter: { key: "room", cmp: "eq", val: "hall" } });
  few.on("publication", (/** @type {any} */ { data }) => passed.push(data));
  few.subscribe();
  await few.ready(5000);
  for (const [room, body] of Object.entries({ attic: "no", hall: "yes", cellar: "no" })) {
    const headers = { "hearthwire-tags": `room=${room}`, authorization: `Bearer ${tokens.at(-1)}` };
    await fetch(`${url}/channels/demo/few`, { method: "POST", headers, body });
  }
  await until(() => passed.length === 1, "what passes the filter");

  await until(() => asked === tokens.length, "the next token");
  await changes.publish({ n: 4 });
  await until(() => heard.length === 4, "what comes after the renewal");
  const deltas = changes.deltaStats().numDeltaPayloads;
  await client.send("nobody answers");
  const { numUsers } = await changes.presenceStats();
  const users = Object.values((await changes.presence()).clients).map(({ user }) => user);
  const last = (await changes.history({ limit: 1, reverse: true })).publications[0]?.data;
  const { time } = (await client.rpc("time", {})).data;
  few.unsubscribe();
  client.disconnect();
  const methods = { users, numUsers, last, time: Number.isInteger(time) };
  return { whole, entries: entries.size, heard, deltas, passed, asked, connects, methods };
}
