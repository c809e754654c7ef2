/** What sessions of phones have in common, whatever they come by. */
import { noRight } from "../../core/access.ts";
import { Form } from "../../core/form.ts";
import type { Gate } from "../../core/gate.ts";
import { Refused } from "../../core/refusals.ts";
import type { Principal } from "../../core/session.ts";
import type { Frame, Framing } from "../../ports.ts";
import { type Answer, exception } from "./answer.ts";
import { nameOf } from "./kept-inbox.ts";
import { lost } from "./phones.ts";

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

/** What went wrong, as an answer. */
export function answerFor(thrown: unknown): Answer {
  return thrown instanceof Refused ? exception(thrown.message) : lost(thrown);
}

/** What the plugin says to what may be guessed. Wrong ones are counted by address; refused when there were too many. */
export async function introduced<Said extends { readonly answer: Answer | undefined }>(
  gate: Gate,
  address: string,
  introduce: () => Promise<Said>,
): Promise<Said> {
  let said: Said | undefined;
  const counted = gate.guarded(address, async () => {
    said = await introduce();
    if (said.answer?.type === "EXCEPTION") throw new Refused("unauthorized");
    return said;
  });
  return counted.catch((thrown: unknown) => {
    if (said === undefined) throw thrown;
    return said;
  });
}
