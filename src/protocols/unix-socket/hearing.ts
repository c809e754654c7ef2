/** What devices hear: their inbox, what is for all, and the channels that backends subscribe them to. */

import { select } from "../../core/channels.ts";
import type { Hub } from "../../core/hub.ts";
import { inboxOf } from "../../core/own-channels.ts";
import { Refused } from "../../core/refusals.ts";
import type { AnySession } from "../../core/session.ts";
import type { MaybePromise, Past, Reading } from "../../ports.ts";
import { everyDevice } from "./command.ts";
import type { Subscriptions } from "./commands.ts";
import type { DeviceSession, Roster } from "./device-session.ts";
import type { Registry } from "./registry.ts";

const fromNow: Past = { from: "now", history: 0 };

export class Hearing implements Subscriptions {
  readonly #hub: Hub;
  readonly #registry: Registry;
  readonly #roster: Roster;

  constructor(hub: Hub, registry: Registry, roster: Roster) {
    this.#hub = hub;
    this.#registry = registry;
    this.#roster = roster;
  }

  /** Acts at once on all sessions of the device; kept where it is registered. Its inbox and `$devices` it hears anyway. */
  subscribe(device: string, channel: string): MaybePromise<number> {
    const sessions = this.#required(device);
    if (channel === everyDevice || channel === inboxOf(device)) return sessions.length;
    const begun = sessions.filter(({ deadline }) => deadline === 0).map((session) => this.#add(session, channel));
    const since = this.#hub.delivered;
    const keep = (): number => {
      this.#registry.subscribe(device, channel, since);
      return sessions.length;
    };
    const open = begun.filter((done) => done !== undefined);
    return open.length === 0 ? keep() : Promise.all(open).then(keep);
  }

  unsubscribe(device: string, channel: string): number {
    const sessions = this.#required(device);
    this.#registry.unsubscribe(device, channel);
    for (const session of sessions) if (session.state.channels?.delete(channel)) this.#leave(session, channel);
    return sessions.length;
  }

  /** Lets a session hear everything of its device from where the device was. */
  begin(session: DeviceSession): void {
    const { state } = session;
    const channels = this.#registry.channels(state.id);
    if (channels.length > 0) state.channels = new Set(channels);
    const begun = [everyDevice, inboxOf(state.id), ...channels].map((channel) => this.#tryJoin(session, channel));
    const settled = (): void => {
      this.#hub.flush();
      state.settled = true;
    };
    const open = begun.filter((done) => done !== undefined);
    if (open.length === 0) settled();
    else Promise.all(open).then(settled, () => session.end(new Refused("serverError")));
  }

  end(session: DeviceSession): void {
    const { state } = session;
    for (const channel of [everyDevice, inboxOf(state.id), ...(state.channels ?? [])]) this.#leave(session, channel);
    state.channels = undefined;
    state.settled = false;
  }

  #required(device: string): readonly DeviceSession[] {
    const sessions = this.#roster.of(device);
    if (sessions.length > 0 || this.#registry.knows(device)) return sessions;
    throw new Refused("unknownChannel", `Cannot find the device ${JSON.stringify(device.slice(0, 80))}`);
  }

  #add(session: DeviceSession, channel: string): MaybePromise<void> {
    const { state } = session;
    if (state.channels?.has(channel)) return;
    const channels = state.channels ?? new Set();
    state.channels = channels;
    channels.add(channel);
    const failed = (thrown: unknown): never => {
      channels.delete(channel);
      throw thrown;
    };
    try {
      const done = this.#join(session, channel, fromNow);
      return done instanceof Promise ? done.catch(failed) : undefined;
    } catch (thrown) {
      return failed(thrown);
    }
  }

  /** A channel that cannot be heard costs the device only that one. */
  #tryJoin(session: DeviceSession, channel: string): MaybePromise<void> {
    const { id } = session.state;
    try {
      return this.#join(session, channel, this.#registry.past(id, channel));
    } catch (thrown) {
      this.#hub.log.warn({ err: thrown, device: id, channel }, "Cannot let a device listen to one of its channels");
    }
  }

  #join(session: DeviceSession, channel: string, past: Past): MaybePromise<void> {
    const peer = session as AnySession;
    return this.#hub.subscribe(peer, select([channel]), past, (reading) => tell(peer, reading));
  }

  #leave(session: DeviceSession, channel: string): void {
    this.#hub.unsubscribe(session as AnySession, select([channel]));
  }
}

/** What a channel holds for the device, oldest first. */
function tell(session: AnySession, { channels }: Reading): void {
  const { form } = session;
  const publications = channels.flatMap((channel) => channel.publications).filter((one) => form.concerns(one));
  if (publications.length === 0) return;
  session.sendAll(publications.sort((a, b) => a.seq - b.seq).map((one) => form.frameOf(one)));
}
