/** Channel names as JSON, kept because each publication carries one. */
const quoted = new Map<string, string>();
const mostQuoted = 10_000;

export function quote(channel: string): string {
  let text = quoted.get(channel);
  if (text === undefined) {
    if (quoted.size >= mostQuoted) quoted.clear();
    text = JSON.stringify(channel);
    quoted.set(channel, text);
  }
  return text;
}
