/**
 * Renews listeners at ports while they listen: by certificates whose files say something else, which is looked at from time
 * to time, and by what a reload changes. A certificate that cannot be read leaves the one in use where it is.
 */
import { type ListenAddress, printListen } from "../config/listen.ts";
import type { Config } from "../config/schema.ts";
import type { Clock, Log } from "../ports.ts";
import type { CertificateInUse, CertificateText } from "../transports/certificates.ts";
import type { HttpListener } from "../transports/http-server.ts";

export interface Renewable {
  readonly listen: ListenAddress;
  readonly listener: Pick<HttpListener, "renew">;
  readonly certificate?: CertificateInUse | undefined;
}

/** How often it is looked whether certificates were renewed, in ms. */
const lookInterval = 20_000;

export class Renewal {
  readonly #config: Config;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #renewables: Renewable[] = [];
  #stopLooking: () => void = () => undefined;

  constructor(config: Config, log: Log, clock: Clock) {
    this.#config = config;
    this.#log = log;
    this.#clock = clock;
  }

  add(renewable: Renewable): void {
    this.#renewables.push(renewable);
  }

  /** Takes up certificates that were renewed, now and from time to time; says so, or why it cannot. */
  look(): void {
    for (const renewable of this.#renewables) this.#renew(renewable);
    this.#stopLooking();
    this.#stopLooking = this.#clock.after(lookInterval, () => this.look());
  }

  stop(): void {
    this.#stopLooking();
  }

  /**
   * For a reload: certificates of the files that are named now, which are read and checked, and limits of what comes in by
   * new connections.
   */
  prepare({ tls, listeners, limits }: Config): () => void {
    const named = new Map(
      [{ listen: this.#config.listen, tls }, ...listeners].map((one) => [printListen(one.listen), one.tls]),
    );
    const { body, body_time: bodyTime } = this.#config.limits;
    const resized = body !== limits.body || bodyTime !== limits.body_time;
    const renewals = this.#renewables.map((renewable) => {
      const files = named.get(printListen(renewable.listen));
      return { renewable, files, text: files && renewable.certificate?.renewed(files) };
    });
    return () => {
      for (const { renewable, text, files } of renewals) {
        const changes = { maxMessage: limits.body, bodyTime: limits.body_time };
        if (text !== undefined) renewable.listener.renew({ ...changes, tls: text });
        else if (resized) renewable.listener.renew(changes);
        if (text !== undefined) this.#tookUp(renewable, text);
        // They may say the same as those before.
        if (files !== undefined) renewable.certificate?.follow(files);
      }
    };
  }

  #renew(renewable: Renewable): void {
    const { listen, listener, certificate } = renewable;
    try {
      const text = certificate?.renewed();
      if (text === undefined) return;
      listener.renew({ tls: text });
      this.#tookUp(renewable, text);
    } catch (thrown) {
      const { message } = thrown as Error;
      if (certificate?.isNews(message) !== true) return;
      this.#log.error({ listen: printListen(listen) }, `${message}. The certificate that is in use stays`);
    }
  }

  #tookUp({ listen, certificate }: Renewable, text: CertificateText): void {
    certificate?.takeUp(text);
    this.#log.info({ listen: printListen(listen) }, "A renewed certificate is in use");
  }
}
