/** Handing to many listeners what a turn brought. */
import type { Outlet } from "../ports.ts";
import type { Batch } from "./form.ts";

/** Whoever gets what an audience is owed. */
export interface Listener {
  readonly outlet: Pick<Outlet, "hears" | "queued">;
  owe(batch: Batch): void;
}

/** What so many writes need has room in the nearest memory of the processor. */
const groupSize = 32;
/** Nobody needs it: it is there so that the compiler does not leave out the reading. */
export let lastRead = 0;

/**
 * To each of them, but for those that leave meanwhile; nobody may join meanwhile. What a write to one of a thousand needs lies
 * anywhere in memory, and each write drives what the next one needs out of the processor's own: so for a group of them it is read
 * beforehand, in loops of one short step each, that memory answers side by side.
 */
export function handOut(listeners: ReadonlySet<Listener>, batch: Batch): void {
  const { size } = listeners;
  const group: Listener[] = [];
  const give = (): void => {
    let read = 0;
    for (const { outlet } of group) if (outlet.hears) read++;
    for (const { outlet } of group) read += outlet.queued();
    lastRead = read;
    for (const listener of group) if (listeners.size === size || listeners.has(listener)) listener.owe(batch);
    group.length = 0;
  };
  for (const listener of listeners) if (group.push(listener) === groupSize) give();
  give();
}
