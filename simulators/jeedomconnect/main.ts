/**
 * `bun simulators/jeedomconnect/main.ts --port 8655 [--jeedom-port 8654] [--host HOST] [--phone NAME …] [--socketport 58090] [--key PLUGINKEY]
 * [--speed 1]`: a Jeedom with the plugin JeedomConnect, and a phone of each name, which anyone may connect as.
 */
import { parseArgs } from "node:util";
import { Simulator as Jeedom } from "../jeedom/server.ts";
import { Simulator } from "./server.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "8655" },
    "jeedom-port": { type: "string", default: "8654" },
    host: { type: "string", default: "127.0.0.1" },
    phone: { type: "string", multiple: true, default: ["anna"] },
    socketport: { type: "string", default: "58090" },
    key: { type: "string" },
    speed: { type: "string", default: "1" },
  },
});

const hostname = values.host;
const jeedom = new Jeedom({ port: Number(values["jeedom-port"]), hostname, speed: Number(values.speed) }).start();
const simulator = new Simulator({
  jeedom,
  hostname,
  port: Number(values.port),
  socketPort: Number(values.socketport),
  ...(values.key === undefined ? {} : { pluginKey: values.key }),
}).start();
console.log(`Jeedom is simulated at ${jeedom.url}; the key of its API is ${jeedom.users.apiKey}.`);
console.log(`Its plugin JeedomConnect is at ${simulator.callback}; the plugin's key is ${simulator.pluginKey}.`);
for (const name of values.phone) console.log(`The key of the phone ${name} is ${simulator.plugin.add(name).apiKey}.`);
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => void Promise.all([simulator.stop(), jeedom.stop()]).then(() => process.exit(0)));
