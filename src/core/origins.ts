/** Which web pages may speak with the gateway: one list for WebSockets and CORS alike. */

/** `https://host`, `https://host:8443`, `https://*.host`, or `*` for every page. */
export function originAllowed(origin: string, own: readonly string[], listed: readonly string[]): boolean {
  const asked = origin.toLowerCase();
  if (own.includes(asked)) return true;
  return listed.some((entry) => {
    const pattern = entry.toLowerCase();
    if (pattern === "*" || pattern === asked) return true;
    const [scheme, host] = pattern.split("://*.");
    if (scheme === undefined || host === undefined || !asked.startsWith(`${scheme}://`)) return false;
    return asked.slice(scheme.length + 3).endsWith(`.${host}`);
  });
}

/** Names that no stranger can register (as they can under `.box`), so that a page of them came from this network. */
const localName =
  /^(?:[^.]+|\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.%]+\]|.+\.(?:local|localhost|lan|home|internal|home\.arpa|fritz\.box))$/;

/**
 * The origins of the gateway's own pages, as this request reached it. A public name counts only as `public_url`:
 * otherwise a stranger's page could point its own name at this machine (DNS rebinding) and be taken for ours.
 */
export function ownOrigins(host: string | null, secure: boolean, publicUrl: string | undefined): readonly string[] {
  const own: string[] = [];
  const asked = host?.toLowerCase() ?? "";
  if (localName.test(asked.replace(/:\d+$/, ""))) own.push(`${secure ? "https" : "http"}://${asked}`);
  if (publicUrl !== undefined) own.push(new URL(publicUrl).origin.toLowerCase());
  return own;
}
