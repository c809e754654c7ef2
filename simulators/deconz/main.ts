/** `bun simulators/deconz/main.ts --port 8080 [--ws-port shared|443] [--seed 1] [--speed 1] [--key KEY] [--host HOST]` */
import { parseArgs } from "node:util";
import { Simulator } from "./server.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "8080" },
    host: { type: "string", default: "127.0.0.1" },
    "ws-port": { type: "string", default: "shared" },
    seed: { type: "string", default: "8642" },
    speed: { type: "string", default: "1" },
    key: { type: "string", multiple: true, default: [] },
    "allow-local": { type: "boolean", default: false },
  },
});

const simulator = new Simulator({
  port: Number(values.port),
  hostname: values.host,
  webSocketPort: values["ws-port"] === "shared" ? "shared" : Number(values["ws-port"]),
  seed: Number(values.seed),
  speed: Number(values.speed),
  keys: values.key,
  allowLocal: values["allow-local"],
}).start();
console.log(`A deCONZ gateway is simulated at ${simulator.url}, its events at port ${simulator.webSocketPort}.`);
console.log(`Press its link button: curl -X POST ${simulator.url}/simulator/unlock`);
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => void simulator.stop().then(() => process.exit(0)));
