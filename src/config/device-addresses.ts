/** Where devices find the gateway: what the options say, and what holds where they say nothing. */
import ipaddr from "ipaddr.js";
import type { Address, Addresses } from "../core/device-connection.ts";
import { everyHost, type ListenAddress } from "./listen.ts";
import type { Config } from "./schema.ts";

type Given = Config["addresses"]["internal"];

/** `lan`: this machine's address in the house, where it has one. `listen` has the port that it came to be. */
export function addressesOf(
  { addresses: given, listen, tls, public_url: publicUrl }: Pick<Config, "addresses" | "listen" | "tls" | "public_url">,
  lan: string | undefined,
): Addresses {
  const internal = addressOf(given.internal, internalUrl(listen, tls !== undefined, lan));
  const external = addressOf(given.external, publicUrl);
  return { ...(internal && { internal }), ...(external && { external }) };
}

function addressOf({ http: given, websocket }: Given, byDefault: string | undefined): Address | undefined {
  const http = given ?? (websocket === undefined ? byDefault : websocket.replace(/^ws/, "http"));
  if (http === undefined) return undefined;
  return { http: bare(http), websocket: bare(websocket ?? http.replace(/^http/, "ws")) };
}

/** Nobody else can reach what listens on loopback. */
function internalUrl({ host, port }: ListenAddress, secure: boolean, lan: string | undefined): string | undefined {
  const address = host.split("%")[0] ?? host;
  const range = ipaddr.isValid(address) ? ipaddr.process(address).range() : undefined;
  const reached = host === everyHost || range === "unspecified" ? lan : host;
  if (reached === undefined || range === "loopback" || reached === "localhost") return undefined;
  return `${secure ? "https" : "http"}://${reached.includes(":") ? `[${reached}]` : reached}:${port}`;
}

function bare(url: string): string {
  return url.replace(/\/+$/, "");
}
