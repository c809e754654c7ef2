/** How simulated systems listen: on a real port, and without Bun's own pages where something fails. */
import type { Server } from "bun";

export interface Place {
  /** Default: this machine alone. */
  readonly hostname?: string | undefined;
  /** 0: any free one. */
  readonly port: number;
}

/** `failure`: the body of an answer with status 500. */
export function serve(
  { hostname = "127.0.0.1", port }: Place,
  visit: (request: Request) => Promise<Response> | Response,
  failure = "",
): Server<undefined> {
  return Bun.serve({
    hostname,
    port,
    development: false,
    idleTimeout: 0,
    fetch: visit,
    error: () => new Response(failure, { status: 500 }),
  });
}
