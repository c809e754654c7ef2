/** How publications leave for peers: their bare text, as the original room server sends it. */
import { Form } from "../../core/form.ts";
import type { Frame, Framing, JsonText, Publication } from "../../ports.ts";

/** The characters of a text, and the JSON of anything else. */
export function bareText(data: JsonText): string {
  return data.startsWith('"') ? (JSON.parse(data) as string) : data;
}

export class RoomForm extends Form {
  readonly #unfit: (form: RoomForm, publication: Publication) => void;
  #lastAsked: Publication | undefined;
  #lastAnswer = false;

  /** `unfit` hears of each publication that peers of this form cannot take. */
  constructor(framing: Framing, unfit: (form: RoomForm, publication: Publication) => void) {
    super(`espruino/${framing.name}`, framing);
    this.#unfit = unfit;
  }

  override concerns(publication: Publication): boolean {
    if (this.#lastAsked !== publication) {
      this.#lastAsked = publication;
      this.#lastAnswer = this.#fits(publication);
    }
    return this.#lastAnswer;
  }

  /** Bare text cannot say that a key was taken out of a map. */
  #fits(publication: Publication): boolean {
    if (publication.removed === true) return false;
    const fits = this.framing.fits?.(bareText(publication.data)) ?? true;
    if (!fits) this.#unfit(this, publication);
    return fits;
  }

  protected encode({ data }: Publication): Frame {
    return this.framing.frame(bareText(data));
  }
}
