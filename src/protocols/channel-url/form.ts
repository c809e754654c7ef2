/** How this protocol phrases publications on each of its transports. */
import { cursorText } from "../../core/cursor.ts";
import { Form, type PresenceChange } from "../../core/form.ts";
import type { Frame, Framing, Publication } from "../../ports.ts";
import { gapText, presenceText, publicationText } from "./messages.ts";

export class ChannelUrlForm extends Form {
  readonly #run: string;
  readonly #presence: boolean;

  constructor(run: string, framing: Framing, presence: boolean) {
    super(`channel-url/${framing.name}${presence ? "+presence" : ""}`, framing);
    this.#run = run;
    this.#presence = presence;
  }

  protected encode(publication: Publication): Frame {
    const id = cursorText(this.#run, publication.seq);
    return this.framing.frame(publicationText(this.#run, publication), { id });
  }

  override gap(channels: readonly string[]): Frame {
    return this.framing.frame(gapText(channels), { event: "gap" });
  }

  override presence(change: PresenceChange): Frame | undefined {
    return this.#presence ? this.framing.frame(presenceText(change), { event: change.kind }) : undefined;
  }
}

/** The forms in use: few, made when first needed. */
export class Forms {
  readonly #run: string;
  readonly #made = new Map<string, ChannelUrlForm>();

  constructor(run: string) {
    this.#run = run;
  }

  of(framing: Framing, presence: boolean): ChannelUrlForm {
    const id = `${framing.name} ${presence}`;
    let form = this.#made.get(id);
    if (form === undefined) {
      form = new ChannelUrlForm(this.#run, framing, presence);
      this.#made.set(id, form);
    }
    return form;
  }
}
