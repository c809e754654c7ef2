/** Whether what is asked of a channel's past can be said without a gap. */
import type { Journal, Past, Position } from "../../ports.ts";
import type { ChannelLog } from "./channel-log.ts";

/** `here`: where the broker is. */
export function honours(past: Past, log: ChannelLog, here: Position, journal: Journal | undefined): boolean {
  switch (past.from) {
    case "now":
      return true;
    case "offset":
      if (past.epoch !== "" && past.epoch !== log.epoch) return false;
      return past.offset <= log.offset && past.offset >= log.trimmedOffset;
    case "position":
      return isComparable(past.position, log, here, journal) && past.position.seq >= log.trimmedSeq;
  }
}

/** Whether a position can be compared with this channel's numbers. */
function isComparable({ run, seq }: Position, log: ChannelLog, here: Position, journal: Journal | undefined): boolean {
  if (run === here.run) return seq <= here.seq;
  const runs = journal?.runs ?? [];
  const at = runs.findIndex((earlier) => earlier.run === run);
  const from = runs[at]?.from;
  if (log.settings.durable === "no" || from === undefined || seq < from) return false;
  return seq <= (runs[at + 1]?.from ?? journal?.nextSeq ?? 0);
}
