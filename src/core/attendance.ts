/** The audiences that a session belongs to: mostly one, which then costs no list. */
import type { Audience } from "./audience.ts";

/** What a session keeps of them. */
export interface Attendance {
  audience: Audience | undefined;
  moreAudiences: Audience[] | undefined;
}

export function audiencesOf({ audience, moreAudiences }: Attendance): Audience[] {
  if (audience === undefined) return [];
  return moreAudiences === undefined ? [audience] : [audience, ...moreAudiences];
}

export function attend(session: Attendance, audience: Audience): void {
  if (session.audience === undefined) session.audience = audience;
  else {
    session.moreAudiences ??= [];
    session.moreAudiences.push(audience);
  }
}

export function attendNoMore(session: Attendance, audience: Audience): void {
  const rest = audiencesOf(session).filter((other) => other !== audience);
  session.audience = rest[0];
  session.moreAudiences = rest.length > 1 ? rest.slice(1) : undefined;
}

/** How many names and patterns a session listens to. */
export function subscribedTo(session: Attendance): number {
  let count = 0;
  for (const { selector } of audiencesOf(session)) count += selector.names.length + selector.patterns.length;
  return count;
}
