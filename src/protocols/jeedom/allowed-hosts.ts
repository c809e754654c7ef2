/** From which hosts' pages the old protocol may be spoken. Pure. */

/** The host of an `Origin`; the whole of it where it has none, as `null` or the bare word that some devices send. */
export function originHost(origin: string): string {
  return urlHost(origin) ?? origin.trim().toLowerCase();
}

/** The host of a URL, in small letters and without port; undefined where it has none. */
export function urlHost(url: string): string | undefined {
  const host = URL.canParse(url) ? new URL(url).hostname : "";
  return host === "" ? undefined : host.toLowerCase();
}

/** A host as people write it: also with port, or as a whole URL. */
export function plainHost(written: string): string {
  const text = written.trim().toLowerCase();
  return urlHost(text.includes("://") ? text : `http://${text}`) ?? text;
}
