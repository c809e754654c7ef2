import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { Centrifuge } from "centrifuge";
import { TestGateway } from "../http/gateway.ts";
import { type About, featuresFound, featuresYaml, prepareFeatures } from "./features.ts";
import { sdkFeatures } from "./sdk-features.mjs";

let gateway: TestGateway;
let about: About;
beforeAll(async () => {
  gateway = await TestGateway.start(featuresYaml);
});
beforeEach(async () => {
  await gateway.ask("/channels/maps/large?key=last", { method: "DELETE", key: gateway.admin });
  about = await prepareFeatures(gateway.url, gateway.admin);
});
afterAll(() => gateway.stop());

const does = "obeys its methods, renews its token, mirrors a map of 10,000 keys, takes deltas and filters";

test(`The official SDK in Bun ${does}`, async () => {
  expect(await sdkFeatures(Centrifuge, { websocket: WebSocket }, about)).toEqual(featuresFound);
}, 20_000);

test(`The official SDK in Node ${does}`, async () => {
  const script = `
    import { Centrifuge } from "centrifuge";
    import { WebSocket } from "ws";
    import { sdkFeatures } from ${JSON.stringify(join(import.meta.dir, "sdk-features.mjs"))};
    console.log(JSON.stringify(await sdkFeatures(Centrifuge, { websocket: WebSocket }, ${JSON.stringify(about)})));
    process.exit(0);`;
  const child = Bun.spawn(["node", "--input-type=module", "-e", script], { stdout: "pipe", stderr: "pipe" });
  const [said, complaints] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  expect([await child.exited, complaints]).toEqual([0, ""]);
  expect(JSON.parse(said)).toEqual(featuresFound);
}, 20_000);
