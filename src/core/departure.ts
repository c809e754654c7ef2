/** Sending sessions away without sending them all at once: whoever comes back meets a few others, not everybody. */
import type { Clock } from "../ports.ts";
import { Refused } from "./refusals.ts";
import type { AnySession } from "./session.ts";

export interface DepartureParts {
  readonly clock: Clock;
  /** Those who are there, oldest first; one that was ended is no longer among them. */
  readonly sessions: ReadonlySet<AnySession>;
}

/** The shortest time between two goodbyes, in ms; where there are more sessions than that, several go at once. */
const leastPause = 20;

/**
 * Ends all sessions evenly over `span` ms, with the goodbye of their protocols for `shutdown`; the first one goes at once,
 * and the answer comes with the last one. Sessions that are opened meanwhile go last.
 */
export function sendAway({ clock, sessions }: DepartureParts, span: number): Promise<void> {
  const began = clock.now();
  let gone = 0;
  return new Promise((resolve) => {
    const sendSome = (): void => {
      const passed = clock.now() - began;
      const all = gone + sessions.size;
      const due = passed >= span ? all : Math.floor((all * passed) / span) + 1;
      for (const session of sessions) {
        if (gone >= due) break;
        session.end(new Refused("shutdown"));
        gone++;
      }
      if (sessions.size === 0) resolve();
      else clock.after(Math.max(leastPause, span / all), sendSome);
    };
    sendSome();
  });
}
