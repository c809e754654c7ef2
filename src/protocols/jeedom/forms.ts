/** How events leave: all of a turn in one message, `{"datetime", "result": […]}`, worded once per set of rights. */
import { Form } from "../../core/form.ts";
import type { Frame, Framing, Payload, Publication } from "../../ports.ts";
import { datetimeText, publishedEvent } from "./published-event.ts";
import type { JeedomEvent, Sight } from "./upstream.ts";

/**
 * Joins events to a message. Its `datetime` is that of the last event, as in Jeedom before 4.4.10: the time of Jeedom's
 * answer, which later releases write there, is later than events that are still to come.
 */
class Batches implements Framing {
  readonly name: string;
  readonly #outer: Framing;

  constructor(outer: Framing) {
    this.name = outer.name;
    this.#outer = outer;
  }

  frame(text: string): Frame {
    return text;
  }

  join(events: readonly Frame[]): Payload {
    const datetime = datetimeText(events.at(-1) ?? "") ?? "0";
    return this.#outer.join([this.#outer.frame(`{"datetime":${datetime},"result":[${events.join(",")}]}`)]);
  }
}

/** The event that any form was asked about last, so that each is parsed once. */
class LastEvent {
  #publication: Publication | undefined;
  #event: JeedomEvent | undefined;

  of(publication: Publication): JeedomEvent | undefined {
    if (this.#publication !== publication) {
      this.#event = publishedEvent(publication);
      this.#publication = publication;
    }
    return this.#event;
  }
}

export class BatchForm extends Form {
  override readonly spacing: number;
  readonly #last: LastEvent;
  readonly #sight: Sight | undefined;

  constructor(id: string, framing: Framing, last: LastEvent, sight: Sight | undefined, spacing: number) {
    super(id, framing);
    this.spacing = spacing;
    this.#last = last;
    this.#sight = sight;
  }

  override concerns(publication: Publication): boolean {
    const event = this.#last.of(publication);
    return event !== undefined && this.#sight?.sees(event) !== false;
  }

  protected encode({ data }: Publication): Frame {
    return data;
  }
}

/** The forms of one place: one for each set of rights, and one for who may see everything. */
export class Forms {
  readonly #framing: Framing;
  readonly #spacing: number;
  readonly #last = new LastEvent();
  readonly #bySight = new Map<string, BatchForm>();
  readonly everything: BatchForm;

  /** `outer`: how the transport frames messages. */
  constructor(outer: Framing, spacing: number) {
    this.#framing = new Batches(outer);
    this.#spacing = spacing;
    this.everything = this.#make("everything", undefined);
  }

  of(sight: Sight): BatchForm {
    let form = this.#bySight.get(sight.id);
    if (form === undefined) {
      form = this.#make(`sight ${sight.id}`, sight);
      this.#bySight.set(sight.id, form);
    }
    return form;
  }

  /** Forgets the forms of sights that nobody has any more. */
  keepOnly(sights: ReadonlySet<string>): void {
    for (const id of this.#bySight.keys()) if (!sights.has(id)) this.#bySight.delete(id);
  }

  #make(id: string, sight: Sight | undefined): BatchForm {
    return new BatchForm(`jeedom/${this.#spacing}/${id}`, this.#framing, this.#last, sight, this.#spacing);
  }
}
