/** The WebSocket of the peer side: events and nothing else. What peers say is read and ignored. */
import { select } from "../../core/channels.ts";
import type { Hub } from "../../core/hub.ts";
import { Refused } from "../../core/refusals.ts";
import type { Conversation, Principal, Session } from "../../core/session.ts";
import type { Outlet } from "../../ports.ts";
import { EventForm } from "./form.ts";

export class Listening implements Conversation<undefined> {
  readonly protocol = "deconz";
  readonly #hub: Hub;
  /** Seconds between pings. */
  readonly #heartbeat: number;
  #form: EventForm | undefined;

  constructor(hub: Hub, heartbeat: number) {
    this.#hub = hub;
    this.#heartbeat = heartbeat;
  }

  open(outlet: Outlet, principal: Principal, channel: string): Session<undefined> {
    // One form for all peers of all bridges: each event is worded once.
    this.#form ??= new EventForm(outlet.framing);
    const session = this.#hub.open(outlet, this, this.#form, principal, undefined);
    session.beatEvery(this.#heartbeat * 1000);
    const begin = (): void => {
      // No welcome, no past: the first that a peer hears is the next event.
    };
    const done = this.#hub.subscribe(session, select([channel]), { from: "now", history: 0 }, begin);
    if (done instanceof Promise) done.catch(() => session.end(new Refused("serverError")));
    return session;
  }

  message(): void {
    // As the original does.
  }

  refused(session: Session<undefined>, refused: Refused): void {
    session.end(refused);
  }
}
