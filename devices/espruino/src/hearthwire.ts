/** What `require("hearthwire")` gives: a stand-in for `require("ws")`. */
import { connectSocket } from "./client.ts";
import { createServer } from "./server.ts";
import { fromUtf8, toUtf8 } from "./utf8.ts";

const hearthwire = connectSocket as typeof connectSocket & Hearthwire;
hearthwire.createServer = createServer;
hearthwire.toUtf8 = toUtf8;
hearthwire.fromUtf8 = fromUtf8;

export interface Hearthwire {
  createServer: typeof createServer;
  /** Text to bytes, one in each character. */
  toUtf8: typeof toUtf8;
  fromUtf8: typeof fromUtf8;
}

export { hearthwire };
