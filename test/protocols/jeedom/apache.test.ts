/** The reverse proxy as the plugin's documentation has it, in real Apache. */
import { expect, test } from "bun:test";
import { freePort } from "../../free-port.ts";
import { startProxy } from "../../proxies/proxy.ts";
import { PluginStage } from "./plugin-stage.ts";

const documented = `<Location "/myawesomesocket">
    ProxyPass ws://localhost:8090
    ProxyPassReverse ws://localhost:8090
</Location>`;

test("A client of the plugin connects through its documented block, unchanged, at the port that the plugin has", async () => {
  const stage = await PluginStage.open({ listen: "0.0.0.0:8090" });
  const port = freePort();
  const config = `<VirtualHost *:${port}>\n${documented}\n</VirtualHost>\n`;
  const proxy = await startProxy({
    program: "apache",
    config,
    port,
    modules: ["proxy", "proxy_http", "proxy_wstunnel"],
  });
  try {
    const client = await stage.enter("anna", {}, `ws://127.0.0.1:${port}/myawesomesocket`);
    stage.say("through Apache");
    await client.hears("through Apache");
    expect(client.texts.every((text) => Array.isArray(JSON.parse(text).result))).toBe(true);
    client.socket.close();
  } catch (thrown) {
    throw new Error(proxy.log(), { cause: thrown });
  } finally {
    await proxy.stop();
    await stage.stop();
  }
}, 30_000);

test("A client of the plugin whose gateway stops sees a broken connection, and comes back", async () => {
  const stage = await PluginStage.open();
  const client = await stage.enter("anna");
  await stage.stop();
  expect((await client.closes()).code).toBe(1006);
}, 30_000);
