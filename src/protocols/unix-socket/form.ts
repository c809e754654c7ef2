/** What devices get: the bare data, encoded by nobody anew; and the two messages of the gateway's own. */
import { Form } from "../../core/form.ts";
import type { Frame, Framing, Publication } from "../../ports.ts";

export class DataForm extends Form {
  constructor(framing: Framing) {
    super(`unix-socket/${framing.name}`, framing);
  }

  /** Bare data cannot say that a key was taken out of a map, and no device expects a `null`. */
  override concerns(publication: Publication): boolean {
    return publication.removed !== true;
  }

  protected encode(publication: Publication): Frame {
    return this.framing.frame(publication.data);
  }
}

export const heartbeatText = '{"action":"hb"}';

export function deviceIdText(id: string): string {
  return JSON.stringify({ action: "setDeviceId", data: { device_id: id } });
}
