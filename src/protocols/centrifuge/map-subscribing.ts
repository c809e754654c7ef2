/**
 * Subscribing to maps: first the entries in pages, then what changed meanwhile, then live.
 *
 * Entries are paged in the order of their last change, so that a page needs no memory of those before it: what changes
 * after its page was read comes again, in a later page or among the changes. Removals come among the changes only.
 */
import type { Hub } from "../../core/hub.ts";
import { Refused } from "../../core/refusals.ts";
import type { HistoryPage, HistoryQuery, MaybePromise, Past, Publication, Reading } from "../../ports.ts";
import { flagField, numberField, offsetField, textField } from "./fields.ts";
import type { Forms } from "./forms.ts";
import type { Readings } from "./readings.ts";
import type { ClientSession } from "./seams.ts";
import type { Subscribing } from "./subscribing.ts";
import type { Params, SubscribeResult } from "./wire.ts";
import { recoverable, type Wish } from "./wish.ts";

/** The type of a map subscription, and its phases; 0 is live. */
const mapType = 1;
const pagesPhase = 2;
const changesPhase = 1;

const pageSize = 1000;
const largestPage = 10_000;

type Begin = (result: SubscribeResult) => void;

export interface MapSubscribingParts {
  readonly hub: Hub;
  readonly forms: Forms;
  readonly subscribing: Subscribing;
  readonly readings: Readings;
}

export class MapSubscribing {
  readonly #parts: MapSubscribingParts;

  constructor(parts: MapSubscribingParts) {
    this.#parts = parts;
  }

  /** One step of the client's way to a live map. */
  step(session: ClientSession, params: Params, begin: Begin): MaybePromise<void> {
    const wish = this.#parts.subscribing.wishOf(session, params);
    const { channel, settings, variant } = wish;
    if (settings.kind !== "map" || variant.pattern !== undefined) {
      throw new Refused("badRequest", `Cannot subscribe to ${channel} as a map: it is none`);
    }
    const phase = numberField(params, "phase");
    if (phase === pagesPhase) return this.#page(session, params, wish, begin);
    if (phase === changesPhase) return this.#changes(session, params, wish, begin);
    if (phase !== 0) throw new Refused("badRequest", `Cannot subscribe in phase ${phase}`);
    return this.#live(session, params, wish, { from: "now", history: 0 }, begin);
  }

  /** The next entries; with the last of them the subscription is live. */
  #page(session: ClientSession, params: Params, wish: Wish, begin: Begin): MaybePromise<void> {
    const { settings } = wish;
    const limit = limitOf(params);
    const cursor = textField(params, "cursor");
    // Without history nobody could tell what changed between two pages: all comes at once.
    if (cursor === "" && !recoverable(settings)) {
      return this.#live(session, params, wish, { from: "now", history: 0 }, begin);
    }
    const epoch = textField(params, "epoch");
    const since = { epoch, offset: cursor === "" ? 0 : offsetField({ cursor: Number(cursor) }, "cursor") };
    const page = this.#read(session, wish, { limit, since, entries: true });
    const answer = (read: HistoryPage): MaybePromise<void> => {
      const last = read.publications.at(-1);
      const state = told(read.publications, wish);
      const first = cursor === "" ? read.offset : offsetField(params, "offset");
      if (last !== undefined && read.publications.length === limit && last.offset < read.offset) {
        begin({ type: mapType, phase: pagesPhase, epoch: read.epoch, offset: first, cursor: `${last.offset}`, state });
        return;
      }
      if (cursor === "") return this.#live(session, params, wish, { from: "now", history: 0 }, begin);
      const past: Past = { from: "offset", epoch, offset: first };
      return this.#live(session, params, wish, past, (result) => begin({ ...result, state }));
    };
    return page instanceof Promise ? page.then(answer) : answer(page);
  }

  /** What changed since a place: in pages while there is much of it. */
  #changes(session: ClientSession, params: Params, wish: Wish, begin: Begin): MaybePromise<void> {
    const limit = limitOf(params);
    const since = { epoch: textField(params, "epoch"), offset: offsetField(params, "offset") };
    const live = (): MaybePromise<void> => {
      const recover = flagField(params, "recover") ? ({ recovered: true, was_recovering: true } as const) : {};
      const past: Past = { from: "offset", ...since };
      return this.#live(session, params, wish, past, (result) => begin({ ...result, ...recover }));
    };
    const answer = (read: HistoryPage): MaybePromise<void> => {
      const [first] = read.publications;
      const last = read.publications.at(-1);
      const hasMore = last !== undefined && read.publications.length === limit && last.offset < read.offset;
      if (!hasMore || first?.offset !== since.offset + 1) return live();
      const publications = told(read.publications, wish);
      begin({ type: mapType, phase: changesPhase, epoch: read.epoch, offset: last.offset, publications });
    };
    const page = this.#read(session, wish, { limit, since });
    return page instanceof Promise ? page.then(answer) : answer(page);
  }

  #live(session: ClientSession, params: Params, wish: Wish, past: Past, begin: Begin): MaybePromise<void> {
    const { channel, variant, settings } = wish;
    const { forms, subscribing } = this.#parts;
    const form = forms.of(session.state.wire, variant);
    return subscribing.granted(session, params, channel, undefined, (terms, rights) => {
      const answer = (reading: Reading): void =>
        begin({ ...liveResult(reading, wish, recoverable(settings)), ...terms() });
      return subscribing.enter(session, wish, { past, form, rights, answer });
    });
  }

  /** A page, in its turn. */
  #read(session: ClientSession, { channel }: Wish, query: HistoryQuery): MaybePromise<HistoryPage> {
    const { hub, readings } = this.#parts;
    const counted = (page: HistoryPage): HistoryPage => {
      readings.told(page.publications.length);
      return page;
    };
    return readings.begin(() => {
      const page = hub.history(channel, query, session.rights);
      return page instanceof Promise ? page.then(counted) : counted(page);
    });
  }
}

function limitOf(params: Params): number {
  const limit = numberField(params, "limit");
  return limit <= 0 ? pageSize : Math.min(limit, largestPage);
}

function told(publications: readonly Publication[], { variant: { filter } }: Wish): readonly Publication[] {
  if (filter === undefined) return publications;
  return publications.filter(({ tags, removed }) => removed === true || filter.passes(tags));
}

function liveResult(reading: Reading, wish: Wish, keeps: boolean): SubscribeResult {
  const [place] = reading.channels;
  if (place === undefined) throw new Refused("internal");
  if (place.as === "gap") {
    throw new Refused("unrecoverablePosition", `Cannot tell what changed in ${place.channel} since then: begin anew`);
  }
  const publications = told(place.publications, wish);
  return {
    type: mapType,
    ...(keeps ? { recoverable: true, positioned: true } : {}),
    epoch: place.epoch,
    offset: place.offset,
    ...(place.as === "snapshot" ? { state: publications } : { publications }),
  };
}
