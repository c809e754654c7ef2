/** The port of this machine where the plugin brings its answers, when another program has it. */
import { expect, test } from "bun:test";
import { Simulator as Jeedom } from "../../../simulators/jeedom/server.ts";
import { type Asked, Simulator } from "../../../simulators/jeedomconnect/server.ts";
import { freePort } from "../../free-port.ts";
import { TestGateway } from "../../http/gateway.ts";
import { until } from "../../transports/raw-client.ts";
import { BarePhone } from "./bare-phone.ts";
import { events } from "./stage.ts";

test("The bridge says that it is not well, serves phones by the plugin's replies, and takes the port when it is free", async () => {
  const jeedom = new Jeedom().start();
  const port = freePort();
  const simulator = new Simulator({ jeedom, socketPort: port }).start();
  const { apiKey } = simulator.plugin.add("anna");
  const asked: Asked[] = [];
  simulator.asked = (one) => void asked.push(one);
  const of = (method: string) => asked.filter((one) => one.method === method);
  const other = Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => undefined } });
  const bridge = `type: jeedomconnect, url: "${simulator.url}", key: ${simulator.pluginKey}, socket_port: ${port}`;
  const gateway = await TestGateway.start(`bridges: { jc: { ${bridge} } }\n`);
  const report = () => gateway.gateway.status().bridges.get("jc");
  try {
    await until(() => of("GET_PLUGIN_CONFIG").length > 0, "the plugin is asked");
    const trouble = `Cannot listen on 127.0.0.1:${port}: another program has the port`;
    await until(() => report()?.state === "lost", "the bridge is lost");
    expect(report()?.lastError).toBe(trouble);
    expect(gateway.warnings.filter((line) => line.includes(trouble))).toHaveLength(1);

    const phone = new BarePhone(`${gateway.url.replace("http", "ws")}/jeedomconnect`);
    await until(() => phone.socket.readyState === WebSocket.OPEN, "a phone");
    phone.ask("CONNECT", { apiKey });
    await phone.hears("WELCOME");
    expect(of("CONNECT")[0]?.params["connexionFrom"]).toBeUndefined();
    simulator.once("GET_EVENTS", events("5"));
    await phone.hears("CMD_INFO");
    expect(report()?.state).toBe("lost");

    other.stop(true);
    await until(() => report()?.state === "connected", "the bridge has the port", 10_000);
    simulator.once("GET_EVENTS", events("6"));
    await phone.hears("CMD_INFO", 2);
    expect(of("GET_EVENTS").at(-1)?.params["connexionFrom"]).toBe("WS");
    phone.socket.close();
  } finally {
    await gateway.stop();
    await Promise.all([simulator.stop(), jeedom.stop()]);
  }
}, 20_000);
