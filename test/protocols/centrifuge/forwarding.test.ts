import { expect, test } from "bun:test";
import { EventSource } from "eventsource";
import type { Seams } from "../../../src/protocols/centrifuge/seams.ts";
import { sdk, until } from "./clients.ts";
import { openGateway, type TestGateway } from "./gateway.ts";

/** What whoever carries commands between nodes must do; the stand-in of a broker of several nodes. */
function between(nodes: Map<string, TestGateway>): Pick<Seams, "forward"> {
  return {
    async forward(node, secret, data) {
      const other = nodes.get(node);
      other?.protocol.take(secret, data);
      return other !== undefined;
    },
  };
}

test("Commands reach a session whose stream another node holds, wherever the POST arrives; of an unknown node it is said", async () => {
  const nodes = new Map<string, TestGateway>();
  const [holder, door] = await Promise.all([1, 2].map(() => openGateway({ seams: between(nodes), heartbeat: 1 })));
  if (holder === undefined || door === undefined) throw new Error("no gateways");
  for (const node of [holder, door]) nodes.set(node.hub.run, node);
  for (const transport of ["http_stream", "sse"] as const) {
    const endpoint = `${holder.url}/connection/${transport}`;
    const client = sdk([{ transport, endpoint }], {
      eventsource: EventSource,
      emulationEndpoint: `${door.url}/emulation`,
    });
    const heard: unknown[] = [];
    let connects = 0;
    client.on("connected", () => connects++);
    const sub = client.newSubscription("far/away");
    sub.on("publication", ({ data }) => heard.push(data));
    client.connect();
    sub.subscribe();
    await sub.ready(5000);
    for (let n = 0; n < 20; n++) await sub.publish(n);
    await until(() => heard.length === 20, "all that it published");
    expect(heard).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect([connects, door.hub.sessions.size]).toEqual([1, 0]);
    client.disconnect();
  }
  const body = JSON.stringify({ session: "x", node: "nowhere", data: "{}" });
  expect((await fetch(`${door.url}/emulation`, { method: "POST", body })).status).toBe(404);
  for (const node of [holder, door]) {
    expect(node.log.errors).toEqual([]);
    await node.stop();
  }
});
