/** Letting go of what nobody needs any more: of what is too old, of channels that hold nothing, and of the room that they had. */
import type { Clock, Journal } from "../../ports.ts";
import { trimJournal } from "./channel-log.ts";
import type { ChannelSet } from "./channel-set.ts";
import type { HistoryStore } from "./history-store.ts";

export interface TidyingParts {
  readonly clock: Clock;
  readonly journal: Journal | undefined;
  readonly channels: ChannelSet;
  readonly histories: HistoryStore;
  /** Whether somebody listens to a channel. */
  readonly listened: (channel: string) => boolean;
}

/** At each `yield` others may have their turn of the event loop. */
export function* tidying({ clock, journal, channels, histories, listened }: TidyingParts): Generator<undefined> {
  histories.forgetParts();
  for (const part of channels.inParts()) {
    const now = clock.now();
    for (const log of part) if (log.expire(now)) trimJournal(journal, log);
    yield;
  }
  yield* channels.dropLongIdle(listened);
  for (; histories.wasteful; yield) histories.clean();
  const { rings } = histories;
  if (!rings.sparse) return;
  rings.leave();
  for (const part of channels.inParts()) {
    for (const log of part) log.fitRing();
    yield;
  }
}
