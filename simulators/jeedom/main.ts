/** `bun simulators/jeedom/main.ts --port 8654 [--dialect 4.4.9|4.4.10|4.5] [--wait 100] [--seed 1] [--speed 1] [--key KEY] [--user LOGIN] [--host HOST]` */
import { parseArgs } from "node:util";
import { dialects } from "./event-buffer.ts";
import { Simulator } from "./server.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "8654" },
    host: { type: "string", default: "127.0.0.1" },
    dialect: { type: "string", default: "4.5" },
    wait: { type: "string", default: "1000" },
    seed: { type: "string", default: "8642" },
    speed: { type: "string", default: "1" },
    key: { type: "string" },
    user: { type: "string", multiple: true, default: [] },
  },
});

const dialect = dialects.find((one) => one === values.dialect);
if (dialect === undefined) {
  console.error(`Cannot speak the dialect ${values.dialect}: there are ${dialects.join(", ")}`);
  process.exit(2);
}
const simulator = new Simulator({
  port: Number(values.port),
  hostname: values.host,
  dialect,
  waitPollingTime: Number(values.wait),
  seed: Number(values.seed),
  speed: Number(values.speed),
  ...(values.key === undefined ? {} : { apiKey: values.key }),
});
for (const login of values.user) simulator.users.add(login);
simulator.start();
console.log(`Jeedom ${dialect} is simulated at ${simulator.url}; the key of its API is ${simulator.users.apiKey}.`);
for (const { login, key } of simulator.users.all.values()) console.log(`The key of its user ${login} is ${key}.`);
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => void simulator.stop().then(() => process.exit(0)));
