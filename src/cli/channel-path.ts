/** The URL path of channels and patterns, as the protocol "channel URL" reads it. */
export function channelPath(names: readonly string[]): string {
  const parts = names.map((name) => name.split("/").map(encodeURIComponent).join("/"));
  return `/channels/${parts.join(",")}`;
}
