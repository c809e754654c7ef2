/** The gateway that runs on the same data directory, to be taken over from. */
import { linkSync, rmSync } from "node:fs";

import { controlSocket } from "../config/checks.ts";
import type { Config } from "../config/schema.ts";
import type { Predecessor } from "../gateway.ts";
import { statusShape } from "../http/api-shapes.ts";
import { askFor } from "./door.ts";
import { codeOf } from "./failure.ts";
import { GatewayDoor, NoGateway } from "./gateway-door.ts";

const what = "take over from the gateway that runs";

/** Nothing when none runs: then there is nothing to take over. */
export async function predecessorOf(config: Config): Promise<Predecessor | undefined> {
  const place = controlSocket(config);
  // Its socket by a name that lasts when ours has taken that place.
  const socket = `${place}.old`;
  rmSync(socket, { force: true });
  const door = new GatewayDoor({ socket, data: config.data });
  const done = (): void => rmSync(socket, { force: true });
  try {
    linkSync(place, socket);
    const { addresses } = await askFor(door, { method: "GET", path: "/admin/status", what }, statusShape);
    return {
      addresses: addresses.map(({ listen }) => listen),
      handOver: async () => {
        await door.ask({ method: "POST", path: "/admin/handover", what }).finally(done);
      },
    };
  } catch (thrown) {
    done();
    if (thrown instanceof NoGateway || codeOf(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
}
