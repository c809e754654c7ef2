/** Addresses to listen on, and which of them cannot be had together. */
import ipaddr from "ipaddr.js";

export interface ListenAddress {
  /** A name, an IPv4 or IPv6 address, or `*`: every interface, of both families. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

export const everyHost = "*";

const hostName = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i;

export function parseListen(text: string): ListenAddress | { readonly fault: string } {
  const [, bracketed, plain, digits] = /^(?:(?:\[([^\]]*)\]|([^:[\]]*)):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined) return { fault: "must be host:port, [::1]:port, :port or a port" };
  if (port > 65_535) return { fault: "must have a port of at most 65535" };
  if (bracketed !== undefined) {
    const address = bracketed.replace(/%[\w.-]+$/, "");
    return ipaddr.IPv6.isValid(address)
      ? { host: bracketed, port }
      : { fault: `has no IPv6 address in [${bracketed}]` };
  }
  // Only a port: the host was not thought about, so it is the one that exposes nothing. With a colon it was.
  if (plain === undefined) return { host: "127.0.0.1", port };
  if (plain === "" || plain === everyHost) return { host: everyHost, port };
  const numeric = /^[\d.]+$/.test(plain);
  const valid = numeric ? ipaddr.IPv4.isValidFourPartDecimal(plain) : hostName.test(plain);
  return valid ? { host: plain, port } : { fault: `has no host name or address in ${JSON.stringify(plain)}` };
}

export function printListen({ host, port }: ListenAddress): string {
  if (host === everyHost) return `:${port}`;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

type Family = "ipv4" | "ipv6";

/** The addresses that a host stands for, as far as it can be known without asking anybody. */
function reach(host: string): { readonly families: readonly Family[]; readonly names: readonly string[] | "all" } {
  if (host === everyHost) return { families: ["ipv4", "ipv6"], names: "all" };
  if (host.toLowerCase().replace(/\.$/, "") === "localhost")
    return { families: ["ipv4", "ipv6"], names: ["127.0.0.1", "::1"] };
  const [address = host] = host.split("%");
  if (!ipaddr.isValid(address)) return { families: ["ipv4", "ipv6"], names: [host.toLowerCase()] };
  const parsed = ipaddr.process(address);
  const family = parsed.kind();
  // `::` takes IPv4 too on systems that are as they come.
  if (parsed.range() === "unspecified")
    return { families: family === "ipv6" ? ["ipv4", "ipv6"] : ["ipv4"], names: "all" };
  return { families: [family], names: [parsed.toString()] };
}

/** Whether two listeners want the same port of the same address. */
export function collide(one: ListenAddress, other: ListenAddress): boolean {
  if (one.port !== other.port || one.port === 0) return false;
  const mine = reach(one.host);
  const theirs = reach(other.host);
  if (!mine.families.some((family) => theirs.families.includes(family))) return false;
  if (mine.names === "all" || theirs.names === "all") return true;
  const names = theirs.names;
  return mine.names.some((name) => names.includes(name));
}
