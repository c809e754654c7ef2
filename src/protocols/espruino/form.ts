/** How publications leave for peers: their bare text, as the original room server sends it. */
import { Form } from "../../core/form.ts";
import type { Frame, Framing, JsonText, Publication } from "../../ports.ts";

/** The characters of a text, and the JSON of anything else. */
export function bareText(data: JsonText): string {
  return data.startsWith('"') ? (JSON.parse(data) as string) : data;
}

/** Hears of publications that the peers of a form cannot take, or not with ease. */
export interface SizeWatch {
  cannotTake(form: RoomForm, publication: Publication): void;
  hardlyTakes(form: RoomForm, publication: Publication): void;
}

export class RoomForm extends Form {
  readonly #watch: SizeWatch;
  #lastAsked: Publication | undefined;
  #lastAnswer = false;

  constructor(framing: Framing, watch: SizeWatch) {
    super(`espruino/${framing.name}`, framing);
    this.#watch = watch;
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
    const { framing } = this;
    if (framing.fits === undefined) return true;
    const text = bareText(publication.data);
    const fits = framing.fits(text);
    if (!fits) this.#watch.cannotTake(this, publication);
    else if (framing.suits?.(text) === false) this.#watch.hardlyTakes(this, publication);
    return fits;
  }

  protected encode({ data }: Publication): Frame {
    return this.framing.frame(bareText(data));
  }
}
