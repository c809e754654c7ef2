// The official SDK in Node, in the build and by the transports that it is told: every method once, and what they answered as
// one line of JSON. `node node-sdk.mjs json|protobuf websocket|http_stream|sse URL TOKEN`
import { EventSource } from "eventsource";
import { WebSocket } from "ws";

const [build, transport, url, token] = process.argv.slice(2);
const { Centrifuge } = await import(build === "protobuf" ? "centrifuge/build/protobuf" : "centrifuge");
const endpoint = (/** @type {string} */ name) => `${url}/connection/${name}`;
/** @param {unknown} value */
const data = (value) => (build === "protobuf" ? new TextEncoder().encode(JSON.stringify(value)) : value);
/** @param {any} told */
const value = (told) => (build === "protobuf" ? JSON.parse(new TextDecoder().decode(told)) : told);

// What is to be tried later is blocked: nothing answers at its path.
const order = ["websocket", "http_stream", "sse"];
const blocked = order.slice(0, order.indexOf(transport ?? ""));
const transports = order.map((name) => ({
  transport: name,
  endpoint: endpoint(blocked.includes(name) ? "blocked" : name),
}));
const common = {
  websocket: WebSocket,
  eventsource: EventSource,
  fetch,
  token,
  minReconnectDelay: 20,
  maxReconnectDelay: 100,
};
const client = new Centrifuge(build === "protobuf" ? endpoint("websocket").replace("http", "ws") : transports, {
  ...common,
  emulationEndpoint: `${url}/emulation`,
});
/** @type {Record<string, unknown>} */
const said = {};
client.on("connected", (/** @type {any} */ context) => {
  said.transport = context.transport;
});
client.connect();
await client.ready(10_000);

const sub = client.newSubscription("room/node", { joinLeave: true });
/** @type {unknown[]} */
const heard = [];
/** @type {() => void} */
let wake = () => undefined;
sub.on("publication", (/** @type {any} */ { data: told }) => {
  heard.push(value(told));
  wake();
});
/** @param {number} count */
const hears = async (count) => {
  while (heard.length < count) await new Promise((resolve) => (wake = () => resolve(undefined)));
};
sub.subscribe();
await sub.ready(5000);
await sub.publish(data({ n: 1 }));
await hears(1);
said.presence = Object.values((await sub.presence()).clients).length;
said.stats = await sub.presenceStats();
said.history = (await sub.history({ limit: 10 })).publications.map((/** @type {any} */ one) => value(one.data));
said.rpc = typeof value((await client.rpc("time", data({}))).data).time;
await client.send(data("nobody answers"));
const failed = await client.rpc("nothing", data({})).catch((/** @type {any} */ thrown) => thrown.code);
said.refused = failed;
// Away and back: what came meanwhile is recovered.
client.disconnect();
await fetch(`${url}/channels/room/node`, {
  method: "POST",
  body: '{"n":2}',
  headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
});
client.connect();
await client.ready(10_000);
await hears(2);
said.heard = heard;
sub.unsubscribe();
client.disconnect();
console.log(JSON.stringify(said));
process.exit(0);
