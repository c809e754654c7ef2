import { describe, expect, test } from "bun:test";
import { everyRight } from "../../../src/core/access.ts";
import type { Dialer } from "../../../src/ports.ts";
import { Listening } from "../../../src/protocols/deconz/listening.ts";
import { KeyRefused, Upstream } from "../../../src/protocols/deconz/upstream.ts";
import { principal, Setting } from "../../core/setting.ts";
import { FakeOutlet } from "../../fakes/outlet.ts";
import { openStage } from "./stage.ts";

/** A gateway of fixed answers, and what it was asked. */
function gateway(config: object, more: Partial<{ moved: string; status: number; text: string }> = {}) {
  const asked: string[] = [];
  const dialer: Dialer = {
    request(url) {
      asked.push(url);
      const { status = 200, text = JSON.stringify(config), moved } = more;
      const there = moved === undefined ? url : url.replace(/^https?:\/\/[^/]+/, moved);
      const open = url.endsWith("/api/config");
      return Promise.resolve({ status: open ? 200 : status, text, url: there, headers: new Headers() });
    },
    webSocket() {
      throw new Error("no WebSocket is opened here");
    },
  };
  return { asked, dialer };
}

describe("A gateway is looked for", () => {
  test("at websocketport_wss, then at websocketport, then at the REST port", async () => {
    const found = async (url: string, config: object) =>
      (await new Upstream(gateway(config).dialer, url, () => "KEY").find()).webSockets;
    expect(await found("http://box", { websocketport: 443, websocketport_wss: 8443 })).toEqual([
      "wss://box:8443/",
      "ws://box:443/",
      "ws://box:80/",
    ]);
    expect(await found("http://box:8080/", { websocketport: 8080 })).toEqual(["ws://box:8080/"]);
    expect(await found("https://box", {})).toEqual(["wss://box:443/"]);
    expect(await found("http://[fe80::1]:8080", { websocketport: "443", websocketport_wss: 70_000 })).toEqual([
      "ws://[fe80::1]:8080/",
    ]);
  });

  test("where it was moved to, and the key is shown only there", async () => {
    const { asked, dialer } = gateway({}, { moved: "https://new.example:8443" });
    const upstream = new Upstream(dialer, "http://old.example", () => "KEY");
    expect(await upstream.find()).toMatchObject({
      base: "https://new.example:8443",
      webSockets: ["wss://new.example:8443/"],
    });
    expect(asked).toEqual(["http://old.example/api/config", "https://new.example:8443/api/KEY/config"]);
  });

  test("and where it does not know the key, or there is none, that is said", async () => {
    const text = '[{"error":{"address":"/config","description":"unauthorized user","type":1}}]';
    const { dialer } = gateway({}, { status: 403, text });
    await expect(new Upstream(dialer, "http://box", () => "KEY").find()).rejects.toBeInstanceOf(KeyRefused);
    await expect(new Upstream(dialer, "http://box", () => undefined).find()).rejects.toBeInstanceOf(KeyRefused);
  });
});

test("a gateway behind a redirect is heard", async () => {
  const stage = await openStage();
  const redirecting = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ url }) => Response.redirect(stage.simulator.url + new URL(url).pathname, 302),
  });
  const { systemDialer } = await import("../../../src/transports/dialer.ts");
  const upstream = new Upstream(systemDialer, `http://127.0.0.1:${redirecting.port}`, () => "0A1B2C3D4E");
  const { base, webSockets } = await upstream.find();
  expect([base, webSockets]).toEqual([stage.simulator.url, [`ws://127.0.0.1:${stage.simulator.port}/`]]);
  await redirecting.stop(true);
  await stage.stop();
});

test("all peers of the protocol are handed the same payload: an event is worded once", () => {
  const setting = new Setting();
  const { hub } = setting;
  const listening = new Listening(hub, 25);
  const outlets = Array.from({ length: 100 }, () => new FakeOutlet());
  for (const outlet of outlets) outlet.inlet = listening.open(outlet, principal("peer"), "house/events");
  const data = '{"e":"deleted","id":"1","r":"groups","t":"event"}';
  void hub.publish("house/events", { data }, everyRight);
  setting.endTurn();
  const payloads = new Set(outlets.flatMap(({ writes }) => writes));
  expect([payloads.size, ...outlets.slice(0, 1).map(({ received }) => received)]).toEqual([1, [data]] as never);
});
