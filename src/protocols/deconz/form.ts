/** How events leave for peers: as upstream worded them, and nothing that existing clients do not know. */
import { Form } from "../../core/form.ts";
import type { Frame, Framing, Publication } from "../../ports.ts";
import { isDocumented } from "./events.ts";

export class EventForm extends Form {
  #lastAsked: Publication | undefined;
  #lastAnswer = false;

  constructor(framing: Framing) {
    super(`deconz/${framing.name}`, framing);
  }

  /** Tells of holes, and what others published on the channel, are no events: they would make clients stumble. */
  override concerns(publication: Publication): boolean {
    if (this.#lastAsked !== publication) {
      this.#lastAsked = publication;
      this.#lastAnswer = publication.tags?.["gap"] === undefined && isDocumented(publication.data);
    }
    return this.#lastAnswer;
  }

  protected encode({ data }: Publication): Frame {
    return this.framing.frame(data);
  }
}
