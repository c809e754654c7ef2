/** What a peer missed that says until when it had everything. Pure. */
import type { Publication } from "../../ports.ts";
import { datetimeText } from "./published-event.ts";

/** What came within so many ms and is of one moment came in one answer of Jeedom's. */
const together = 20;

/**
 * The publications after the one with that `datetime`, in their order: by place and not by time, since events may come
 * late and clocks are set back. Where it stands nowhere: those that are later by their own `datetime`. What is of the same
 * moment and came in another answer is told again: rather twice than never.
 */
export function missedSince(publications: readonly Publication[], since: number): readonly Publication[] {
  const times = publications.map(({ data }) => Number(datetimeText(data) ?? Number.NaN));
  const first = publications[times.indexOf(since)];
  if (first === undefined) return publications.filter((_, at) => (times[at] ?? 0) > since);
  const rest = publications.slice(times.indexOf(since));
  const answered = rest.findIndex(
    ({ data, time }) => Number(datetimeText(data)) !== since || time > first.time + together,
  );
  return answered === -1 ? [] : rest.slice(answered);
}
