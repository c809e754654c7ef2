/** What sessions of phones have in common, whatever they come by. */
import { noRight } from "../../core/access.ts";
import { Form } from "../../core/form.ts";
import type { Principal } from "../../core/session.ts";
import type { Frame, Framing } from "../../ports.ts";
import { nameOf } from "./kept-inbox.ts";

/** Phones get nothing of channels. */
export class NoForm extends Form {
  constructor(framing: Framing) {
    super("jeedomconnect", framing);
  }

  protected encode(): Frame {
    return "";
  }
}

/** Who a phone is among the sessions. `title`: what its equipment is called. */
export function principalOf(bridge: string, key: string, title: unknown): Principal {
  return { id: nameOf(bridge, key), name: typeof title === "string" ? title : "phone", rights: noRight };
}
