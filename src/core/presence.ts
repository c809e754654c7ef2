/** Who is in which channel, for channels with `presence: true`. */
import type { Member } from "./form.ts";
import type { AnySession } from "./session.ts";

export class Presence {
  readonly #channels = new Map<string, Map<AnySession, Member>>();

  /** False if the session was in it already. */
  enter(channel: string, session: AnySession, member: Member): boolean {
    let members = this.#channels.get(channel);
    if (members === undefined) {
      members = new Map();
      this.#channels.set(channel, members);
    }
    if (members.has(session)) return false;
    members.set(session, member);
    return true;
  }

  has(channel: string, session: AnySession): boolean {
    return this.#channels.get(channel)?.has(session) ?? false;
  }

  /** The member that left, if the session was in the channel. */
  leave(channel: string, session: AnySession): Member | undefined {
    const members = this.#channels.get(channel);
    const member = members?.get(session);
    if (members === undefined || member === undefined) return undefined;
    members.delete(session);
    if (members.size === 0) this.#channels.delete(channel);
    return member;
  }

  members(channel: string): readonly Member[] {
    return [...(this.#channels.get(channel)?.values() ?? [])];
  }
}
