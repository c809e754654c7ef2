/** Hosts by their names: those under which Jeedom is reached, as it knows them itself, and those of pages. */
import { JeedomError, type JsonRpc } from "./json-rpc.ts";

/** Jeedom's own settings: an address, or a whole URL. */
const settings = ["internalAddr", "externalAddr"];

export async function readHosts(rpc: JsonRpc): Promise<readonly string[]> {
  const hosts: string[] = [];
  for (const key of settings) {
    try {
      const { result } = await rpc.ask("config::byKey", { params: { key } });
      const host = typeof result === "string" && result !== "ok" ? hostOf(result) : undefined;
      if (host !== undefined) hosts.push(host);
    } catch (thrown) {
      // Not every key may ask for it.
      if (!(thrown instanceof JeedomError)) throw thrown;
    }
  }
  return hosts;
}

/** The host of a URL or address, in lower case; nothing where it is neither. */
export function hostOf(address: string): string | undefined {
  const url = address.includes("://") ? address.trim() : `http://${address.trim()}`;
  return URL.canParse(url) ? new URL(url).hostname.toLowerCase() || undefined : undefined;
}

/** The host that a text names, as an `Origin` or as people write it; the text itself where that is none. */
export function hostNamed(text: string): string {
  return hostOf(text) ?? text.trim().toLowerCase();
}
