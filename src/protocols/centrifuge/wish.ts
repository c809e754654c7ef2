/** What is asked of a channel, and what is answered of the past that was read for it. Pure. */
import { isPattern } from "../../core/channels.ts";
import { Refused } from "../../core/refusals.ts";
import type { ChannelSettings, Past, Reading } from "../../ports.ts";
import { flagField, numberField, offsetField, textField } from "./fields.ts";
import { parseFilter } from "./filter.ts";
import type { Variant } from "./forms.ts";
import type { Params, SubscribeResult } from "./wire.ts";

/** Where a client says it has got to. */
interface Place {
  readonly epoch: string;
  readonly offset: number;
}

/** A subscription as it was asked for. */
export interface Wish {
  readonly channel: string;
  readonly settings: ChannelSettings;
  readonly variant: Variant;
  /** Everything after it is wanted. */
  readonly recover: Place | undefined;
  /** The client would rather be refused than begin with something missing. */
  readonly wholeOnly: boolean;
}

/** The flag by which a client asks for refusal 112 in place of `recovered: false`. */
const rejectUnrecovered = 2;

/** What a subscribe command asks of a channel with these settings, as far as it makes sense. */
export function parseWish(
  params: Params,
  { channel, settings, mayHearJoins }: Pick<Wish, "channel" | "settings"> & { readonly mayHearJoins: boolean },
): Wish {
  const joins = mayHearJoins && flagField(params, "join_leave");
  const filter = params["tf"] === undefined || params["tf"] === null ? undefined : parseFilter(params["tf"]);
  const pattern = isPattern(channel) ? channel : undefined;
  const recover = flagField(params, "recover")
    ? { epoch: textField(params, "epoch"), offset: offsetField(params, "offset") }
    : undefined;
  return {
    channel,
    settings,
    variant: { joins, filter, pattern, delta: deltaOf(params, settings, pattern) },
    recover,
    wholeOnly: (numberField(params, "flag") & rejectUnrecovered) !== 0,
  };
}

/** Whether changes are to be told as such: only where every session gets every publication. */
function deltaOf(params: Params, settings: ChannelSettings, pattern: string | undefined): boolean {
  const delta = textField(params, "delta");
  if (delta === "") return false;
  if (delta !== "fossil") throw new Refused("badRequest", `Cannot use delta ${delta.slice(0, 40)}: fossil is known`);
  if (params["tf"] !== undefined && params["tf"] !== null) {
    throw new Refused("badRequest", "Cannot use `delta` and a filter together");
  }
  return settings.kind === "stream" && settings.queue === "disconnect" && pattern === undefined;
}

export function recoverable({ history }: ChannelSettings): boolean {
  return history.size > 0 && history.ttl > 0;
}

/** A stream that remembers one publication is a value: whoever comes gets it at once. */
function isValue({ kind, history }: ChannelSettings): boolean {
  return kind === "stream" && history.size === 1;
}

export function pastOf({ recover, settings, variant }: Wish): Past {
  if (variant.pattern !== undefined && recover !== undefined) {
    return { from: "position", position: { run: recover.epoch, seq: recover.offset } };
  }
  if (isValue(settings)) return { from: "now", history: 1 };
  if (recover === undefined || !recoverable(settings)) return { from: "now", history: 0 };
  return { from: "offset", ...recover };
}

export function resultOf(reading: Reading, wish: Wish): SubscribeResult {
  const { variant, recover, settings, wholeOnly } = wish;
  const place = variant.pattern === undefined ? reading.channels[0] : inPattern(reading);
  if (place === undefined) throw new Refused("internal");
  const { epoch, offset } = place;
  const honoured = recover !== undefined && isHonoured(place, wish, recover);
  if (recover !== undefined && !honoured && wholeOnly) throw new Refused("unrecoverablePosition");
  const keeps = variant.pattern !== undefined || recoverable(settings);
  const publications = publicationsOf(place, wish, honoured);
  return {
    ...(keeps ? { recoverable: true, positioned: true, epoch } : {}),
    // A client counts on from where it was, through the publications that it missed.
    ...(keeps ? { offset: honoured && publications.length > 0 ? recover.offset : offset } : {}),
    ...(publications.length > 0 ? { publications } : {}),
    ...(honoured ? { recovered: true } : {}),
    ...(recover === undefined ? {} : { was_recovering: true }),
    ...(variant.delta === true ? { delta: true } : {}),
    ...(variant.pattern === undefined ? {} : { pattern: variant.pattern }),
  };
}

type PlaceRead = Pick<Reading["channels"][number], "epoch" | "offset" | "as" | "publications">;

/** A pattern's place is the broker's own position. */
function inPattern({ position, gap, channels }: Reading): PlaceRead {
  const told = channels.filter(({ kind, as }) => kind === "map" || as !== "gap");
  const publications = told.flatMap((channel) => channel.publications).sort((a, b) => a.seq - b.seq);
  return { epoch: position.run, offset: position.seq, as: gap ? "gap" : "missed", publications };
}

function isHonoured(place: PlaceRead, { settings, variant }: Wish, recover: Place): boolean {
  if (variant.pattern === undefined && isValue(settings)) {
    return place.publications.length > 0 || isAt(place, recover);
  }
  return place.as === "missed";
}

function isAt({ epoch, offset }: PlaceRead, recover: Place): boolean {
  return recover.offset === offset && (recover.epoch === epoch || recover.epoch === "");
}

function publicationsOf(place: PlaceRead, wish: Wish, honoured: boolean): PlaceRead["publications"] {
  const { settings, recover, variant } = wish;
  const { filter, pattern } = variant;
  if (recover !== undefined && pattern === undefined && settings.kind === "stream") {
    // After a gap a stream begins with what comes; of a map everything is told again.
    if (isValue(settings) ? isAt(place, recover) : !honoured) return [];
  }
  if (filter === undefined) return place.publications;
  return place.publications.filter(({ tags, removed }) => removed === true || filter.passes(tags));
}
