import { setTimeout as elapse } from "node:timers/promises";
import type { Answer, MaybePromise } from "../ports.ts";
import type { HttpServer } from "./http-visit.ts";
import type { SharedPort } from "./shared-port.ts";

type Fetch = (request: Request, server: HttpServer) => MaybePromise<Answer>;

/** The servers of a port that a renewal has replaced, for the connections that they have. */
export class FormerServers {
  readonly #port: SharedPort;
  readonly #all = new Set<HttpServer>();
  readonly #stopping = new AbortController();

  constructor(port: SharedPort) {
    this.#port = port;
  }

  /** An idle connection of theirs has ended by itself after `idleTime` ms. */
  add(server: HttpServer, idleTime: number): void {
    this.#all.add(server);
    this.#retire(server, idleTime).catch((thrown: unknown) => {
      if (!this.#stopping.signal.aborted) throw thrown;
    });
  }

  /** Whoever asks one of them again is answered, and told to connect anew. */
  sendingAway(fetch: Fetch): Fetch {
    return (request, server) => {
      const answer = fetch(request, server);
      if (!this.#all.has(server)) return answer;
      return answer instanceof Promise ? answer.then(closing) : closing(answer);
    };
  }

  async stop(abrupt: boolean): Promise<void> {
    this.#stopping.abort();
    await Promise.all(Array.from(this.#all, (server) => server.stop(abrupt)));
  }

  async #retire(server: HttpServer, idleTime: number): Promise<void> {
    const { signal } = this.#stopping;
    if (await this.#port.leave(server, signal)) await elapse(idleTime, undefined, { signal });
    await server.stop(false);
    this.#all.delete(server);
  }
}

function closing(answer: Answer): Answer {
  answer?.headers.set("connection", "close");
  return answer;
}
