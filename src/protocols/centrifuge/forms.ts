/** How publications are phrased for one wire and one kind of subscription. */
import { Form, type PresenceChange } from "../../core/form.ts";
import { refusals } from "../../core/refusals.ts";
import type { Frame, Publication } from "../../ports.ts";
import { infoOfMember } from "./client-info.ts";
import { DeltaChains } from "./delta.ts";
import type { TagsFilter } from "./filter.ts";
import type { Wire, Wording } from "./wire.ts";

/** What subscriptions of one wire may differ in. */
export interface Variant {
  /** Joins and leaves are told. */
  readonly joins?: boolean;
  /** Publications are told as changes of the one before. */
  readonly delta?: boolean;
  readonly filter?: TagsFilter | undefined;
  /** The subscription is to this pattern. */
  readonly pattern?: string | undefined;
  /** The gateway itself subscribed the session, which therefore cannot subscribe again. */
  readonly own?: boolean;
}

const plain: Wording = {};
const whole: Wording = { delta: "whole" };

export class CentrifugeForm extends Form {
  readonly wire: Wire;
  override readonly counted: boolean;
  override readonly chained: boolean;
  readonly #joins: boolean;
  readonly #own: boolean;
  readonly #filter: TagsFilter | undefined;
  readonly #wording: Wording;
  readonly #chains: DeltaChains | undefined;

  constructor(id: string, wire: Wire, { joins, delta, filter, pattern, own }: Variant) {
    super(id, wire.framing);
    this.wire = wire;
    this.counted = true;
    this.chained = delta === true;
    this.#joins = joins === true;
    this.#own = own === true;
    this.#filter = filter;
    this.#wording = pattern === undefined ? plain : { pattern };
    this.#chains = delta === true ? new DeltaChains() : undefined;
  }

  protected encode(publication: Publication): Frame {
    const delta = this.#chains?.next(publication);
    return this.wire.publication(publication, delta === undefined ? this.#wording : { delta });
  }

  override frameAlone(publication: Publication): Frame {
    return this.chained ? this.wire.publication(publication, whole) : this.frameOf(publication);
  }

  /** A removal has no tags, and must reach whoever may have got the key. */
  override concerns({ tags, removed }: Publication): boolean {
    return this.#filter === undefined || removed === true || this.#filter.passes(tags);
  }

  override presence({ channel, kind, member }: PresenceChange): Frame | undefined {
    if (!this.#joins) return undefined;
    return this.wire.push({ channel, [kind]: { info: infoOfMember(member) } });
  }

  /** Subscriptions that missed something are over, to be begun again with recovery. */
  override gap(channels: readonly string[]): Frame | undefined {
    // Where it cannot subscribe again its session ends instead, and comes back with its places.
    if (this.wire.oneWay || this.#own) return undefined;
    const { code, message: reason } = refusals.insufficientState;
    return this.wire.together(channels.map((channel) => this.wire.push({ channel, unsubscribe: { code, reason } })));
  }
}

/** Forms in use are kept by their audiences; this many more are remembered. */
const remembered = 10_000;

export class Forms {
  readonly #made = new Map<string, CentrifugeForm>();

  of(wire: Wire, variant: Variant = {}): CentrifugeForm {
    const { joins, delta, filter, pattern, own } = variant;
    let id = `centrifuge/${wire.name}`;
    if (joins === true) id += "+joins";
    if (delta === true) id += "+delta";
    if (own === true) id += "+own";
    if (pattern !== undefined) id += `+in ${pattern}`;
    if (filter !== undefined) id += `+if ${filter.id}`;
    let form = this.#made.get(id);
    if (form === undefined) {
      if (this.#made.size >= remembered) this.#made.clear();
      form = new CentrifugeForm(id, wire, variant);
      this.#made.set(id, form);
    }
    return form;
  }
}
