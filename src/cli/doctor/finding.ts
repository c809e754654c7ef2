/** What the doctor finds, and what it knows of the place that it looks at. */

export interface Finding {
  readonly what: "Address" | "Certificate" | "Gateway" | "Clock" | "Pages" | "WebSocket" | "Streams" | "Silence";
  /** `untested`: it could not be tried, which `seen` tells the reason of. */
  readonly state: "good" | "wrong" | "untested";
  /** In plain words. */
  readonly seen: string;
  /** What to change, where something is wrong. */
  readonly change?: string;
}

/** A gateway as seen from outside. */
export interface Place {
  /** Ends in a slash. */
  readonly base: URL;
  /** As whom; absent where the connection is not safe enough to show it. */
  readonly key: string | undefined;
  /** The channel that is listened to. */
  readonly channel: string;
  /** For every connection over TLS. A certificate that is not good has been told of; the rest is looked at all the same. */
  readonly tls: { readonly ca?: string; readonly rejectUnauthorized: boolean };
}

/** How long an answer may take, in ms. */
export const patience = 5000;

export function good(what: Finding["what"], seen: string): Finding {
  return { what, state: "good", seen };
}

export function wrong(what: Finding["what"], seen: string, change: string): Finding {
  return { what, state: "wrong", seen, change };
}

export function untested(what: Finding["what"], seen: string, change?: string): Finding {
  return { what, state: "untested", seen, ...(change === undefined ? {} : { change }) };
}

export interface AskInit {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** A request below the base; redirects are answers. Rejects when none comes in time. */
export function ask({ base, key, tls }: Place, path: string, init: AskInit = {}): Promise<Response> {
  return fetch(new URL(path, base), {
    signal: AbortSignal.timeout(patience),
    ...init,
    redirect: "manual",
    headers: { ...(key === undefined ? {} : { authorization: `Bearer ${key}` }), ...init.headers },
    tls: { ...tls },
  });
}

export function channelPath({ channel }: Place): string {
  return `channels/${channel.split("/").map(encodeURIComponent).join("/")}`;
}

/** The code of our own error object, when the body is one. */
export function codeOfError(body: string): number | undefined {
  try {
    const { error } = JSON.parse(body) as { error?: { code?: unknown; doc?: unknown } };
    const ours = typeof error?.code === "number" && error.doc === `/docs/codes#${error.code}`;
    return ours ? Number(error.code) : undefined;
  } catch {
    return undefined;
  }
}

/** The programs of docs/proxies.md, by the header `Server`. */
export type Program = "nginx" | "apache" | "caddy";

export function programOf(headers: Headers): Program | undefined {
  const server = headers.get("server")?.toLowerCase() ?? "";
  return (["nginx", "apache", "caddy"] as const).find((program) => server.includes(program));
}

/** What to change in words for every proxy, and in those of the one that answers. */
export function advice(general: string, headers: Headers, lines: Readonly<Partial<Record<Program, string>>>): string {
  const program = programOf(headers);
  const line = program === undefined ? undefined : lines[program];
  return line === undefined ? `${general} (docs/proxies.md)` : `${general}. In ${program}: ${line} (docs/proxies.md)`;
}
