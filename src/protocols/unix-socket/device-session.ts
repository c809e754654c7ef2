/** What belongs to one connection of a device, and who is there. */
import type { Session } from "../../core/session.ts";
import type { Progress } from "./progress.ts";

export interface DeviceState {
  id: string;
  /** It has shown a key, good or not; further ones are not looked at. */
  keyed: boolean;
  /** It hears all that it should. */
  settled: boolean;
  /** Channels that backends subscribed it to. */
  channels: Set<string> | undefined;
  /** Only where something is kept of the device. */
  progress: Progress | undefined;
}

export type DeviceSession = Session<DeviceState>;

/** The sessions that are open, by the id of their device. */
export class Roster {
  readonly #sessions = new Map<string, readonly DeviceSession[]>();

  of(id: string): readonly DeviceSession[] {
    return this.#sessions.get(id) ?? [];
  }

  all(): DeviceSession[] {
    return [...this.#sessions.values()].flat();
  }

  get empty(): boolean {
    return this.#sessions.size === 0;
  }

  add(session: DeviceSession): void {
    const { id } = session.state;
    this.#sessions.set(id, [...this.of(id), session]);
  }

  remove(session: DeviceSession): void {
    const { id } = session.state;
    const others = this.of(id).filter((other) => other !== session);
    if (others.length > 0) this.#sessions.set(id, others);
    else this.#sessions.delete(id);
  }
}
