/** Who is in which channel, for channels with `presence: true`. */
import type { Selector, SettingsOf } from "../ports.ts";
import type { Rights } from "./access.ts";
import { audiencesOf } from "./attendance.ts";
import type { Audience } from "./audience.ts";
import { requireName } from "./channels.ts";
import type { Member, PresenceChange } from "./form.ts";
import { Refused } from "./refusals.ts";
import type { AnySession } from "./session.ts";

export class Presence {
  readonly #channels = new Map<string, Map<AnySession, Member>>();
  readonly #settingsOf: SettingsOf;
  readonly #tell: (change: PresenceChange) => void;

  constructor(settingsOf: SettingsOf, tell: (change: PresenceChange) => void) {
    this.#settingsOf = settingsOf;
    this.#tell = tell;
  }

  /** A session listens to these channels from now on. */
  enter(session: AnySession, { names }: Selector): void {
    for (const channel of names) {
      if (!this.#settingsOf(channel).presence) continue;
      if (this.#channels.get(channel)?.has(session) === true) continue;
      const member = memberOf(session, channel);
      this.#membersOf(channel).set(session, member);
      this.#tell({ channel, kind: "join", member });
    }
  }

  /** A session is about to leave an audience. It may listen to the same channels by another subscription too. */
  leave(session: AnySession, audience: Audience): void {
    for (const channel of audience.selector.names) {
      // Whatever the channel's settings are by now.
      const members = this.#channels.get(channel);
      const member = members?.get(session);
      if (members === undefined || member === undefined) continue;
      const others = audiencesOf(session).filter((other) => other !== audience && other.hears(session));
      if (others.some(({ selector }) => selector.names.includes(channel))) continue;
      members.delete(session);
      if (members.size === 0) this.#channels.delete(channel);
      this.#tell({ channel, kind: "leave", member });
    }
  }

  /** Refused: no grant, no channel name, or a channel without presence. */
  members(channel: string, by: Rights): readonly Member[] {
    requireName(channel);
    by.require("presence", channel);
    if (!this.#settingsOf(channel).presence) {
      throw new Refused(
        "notAvailable",
        `Cannot tell presence of ${channel}: its configuration has no \`presence: true\``,
      );
    }
    return [...(this.#channels.get(channel)?.values() ?? [])];
  }

  #membersOf(channel: string): Map<AnySession, Member> {
    let members = this.#channels.get(channel);
    if (members === undefined) {
      members = new Map();
      this.#channels.set(channel, members);
    }
    return members;
  }
}

function memberOf(session: AnySession, channel: string): Member {
  const { id, info } = session.principal;
  const channelInfo = session.conversation.channelInfo?.(session, channel);
  return {
    client: session.id,
    user: id,
    ...(info === undefined ? {} : { info }),
    ...(channelInfo === undefined ? {} : { channelInfo }),
  };
}
