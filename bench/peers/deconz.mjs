// A deCONZ gateway with one sensor, which sends events when it is told to: a line `PACE SECONDS` on stdin. Each carries its
// number and the machine's monotonic time, as the publisher's data does.
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const port = Number(process.argv[2]);
const sensor = { config: {}, name: "Counter", state: { lastupdated: "none" }, type: "CLIPGenericStatus" };
const config = {
  apiversion: "1.16.0",
  bridgeid: "00212EFFFF000001",
  modelid: "deCONZ",
  name: "bench",
  websocketport: port,
};
const house = { alarmsystems: {}, config, groups: {}, lights: {}, sensors: { 1: sensor } };

const server = createServer(({ url }, response) => {
  const [, , , kind] = (url ?? "").split("/");
  const answer = kind === undefined ? (url === "/api/config" ? config : house) : kind === "config" ? config : house;
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
});
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
sockets.on("connection", () => console.log('{"ev":"heard"}'));
let sent = 0;

function send() {
  const ts = process.hrtime.bigint() / 1000n;
  const state = `{"lastupdated":"2026-01-01T00:00:00.000","seq":${++sent},"ts":${ts},"xpad":"xxxxxxxxxxxx"}`;
  const event = `{"e":"changed","id":"1","r":"sensors","state":${state},"t":"event","uniqueid":"00:21:2e:ff:ff:00:00:01-01"}`;
  for (const client of sockets.clients) client.send(event);
}

/** @param {number} pace @param {number} seconds */
function run(pace, seconds) {
  sent = 0;
  const begin = performance.now();
  const step = () => {
    while (sent < pace * seconds && performance.now() - begin >= (sent * 1000) / pace) send();
    if (sent < pace * seconds) setTimeout(step, 1000 / pace / 4);
    else console.log(JSON.stringify({ ev: "published", sent, connections: sockets.clients.size }));
  };
  step();
}

process.stdin.setEncoding("utf8");
process.stdin.on("data", (line) => {
  const [pace = 1, seconds = 1] = String(line).split(" ").map(Number);
  run(pace, seconds);
});
// The runner holds our stdin: when it is gone, so are we.
process.stdin.on("end", () => process.exit(0));
server.listen(port, "127.0.0.1", () => console.log("ready"));
