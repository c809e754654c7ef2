/** Hears that something is published on a channel, as a listener without a peer. */
import { everyRight } from "../../core/access.ts";
import { select } from "../../core/channels.ts";
import { Form } from "../../core/form.ts";
import type { Hub } from "../../core/hub.ts";
import { Refused } from "../../core/refusals.ts";
import type { Conversation, Principal, Session } from "../../core/session.ts";
import type { Frame, Framing, Outlet } from "../../ports.ts";

const framing: Framing = { name: "within", frame: (text) => text, join: () => ({ parts: [], bytes: 0 }) };
const itself: Principal = { id: "gateway", name: "the gateway itself", rights: everyRight };

/** All publications look the same to it. */
class Knock extends Form {
  protected encode(): Frame {
    return "";
  }
}

const conversation: Conversation<undefined> = {
  protocol: "jeedomconnect",
  message: () => undefined,
  refused: () => undefined,
};

export class Overhearing {
  readonly #hub: Hub;
  readonly #channelNow: () => string | undefined;
  readonly #heard: () => void;
  #session: Session<undefined> | undefined;

  /** `heard` is called once for each turn in which there was something. */
  constructor(hub: Hub, channel: () => string | undefined, heard: () => void) {
    this.#hub = hub;
    this.#channelNow = channel;
    this.#heard = heard;
  }

  begin(): void {
    const channel = this.#channelNow();
    if (channel === undefined || this.#session?.open === true) return;
    const outlet: Outlet = {
      framing,
      address: "",
      hears: false,
      queued: () => 0,
      write: () => {
        this.#heard();
        return true;
      },
      ping: () => undefined,
      end: () => undefined,
    };
    const form = new Knock(`jeedomconnect ${channel}`, framing);
    const session = this.#hub.open(outlet, conversation, form, itself, undefined);
    this.#session = session;
    const done = this.#hub.subscribe(session, select([channel]), { from: "now", history: 0 }, () => undefined);
    if (done instanceof Promise) done.catch(() => session.end(new Refused("serverError")));
  }

  end(): void {
    this.#session?.end(new Refused("closed"));
    this.#session = undefined;
  }
}
