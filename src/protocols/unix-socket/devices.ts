/**
 * Devices: they get an id, hear what backends send them, and say nothing but, once, their key. Whoever shows a device's
 * key is that device: its id, its channels, and what was sent while it was away.
 */
import { Rights } from "../../core/access.ts";
import { keyInMessage } from "../../core/credentials.ts";
import type { Gate } from "../../core/gate.ts";
import type { Hub } from "../../core/hub.ts";
import { Refused } from "../../core/refusals.ts";
import type { AnySession, Conversation, Principal } from "../../core/session.ts";
import type { Chance, Clock, DeviceStore, Outlet, Verb } from "../../ports.ts";
import { everyDevice } from "./command.ts";
import { type DeviceSession, type DeviceState, Roster } from "./device-session.ts";
import { DataForm, deviceIdText, heartbeatText } from "./form.ts";
import { Hearing } from "./hearing.ts";
import { Progress } from "./progress.ts";
import { Registry } from "./registry.ts";

export interface DevicesParts {
  readonly hub: Hub;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly devices: DeviceStore;
  /** How long a device that may not come without a key may take to send it, in ms. */
  readonly limits: { readonly unauthenticated: number };
}

/** A device hears what backends chose for it, who were asked for their rights; it cannot choose anything itself. */
class HearingRights extends Rights {
  override may(verb: Verb): boolean {
    return verb === "subscribe";
  }
}

const hearingRights = new HearingRights({});
const idLength = 15;
const idAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_~";
const heartbeatInterval = 60_000;
/** How often it is looked how far registered devices have heard. */
const progressInterval = 15_000;

/** Whether somebody may be a device at all, who would not be let in as a stranger. */
export function mayBeDevice({ device, id, rights }: Principal): boolean {
  return device !== undefined || id === "owner" || rights.may("subscribe", everyDevice);
}

export class Devices implements Conversation<DeviceState> {
  readonly protocol = "unix-socket";
  readonly hearing: Hearing;
  readonly #hub: Hub;
  readonly #gate: Gate;
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #limits: DevicesParts["limits"];
  readonly #registry: Registry;
  readonly #roster = new Roster();
  #form: DataForm | undefined;
  #cancelHeartbeat: (() => void) | undefined;
  #cancelProgress: (() => void) | undefined;

  constructor({ hub, gate, clock, chance, devices, limits }: DevicesParts) {
    this.#hub = hub;
    this.#gate = gate;
    this.#clock = clock;
    this.#chance = chance;
    this.#limits = limits;
    this.#registry = new Registry(devices, hub.run);
    this.hearing = new Hearing(hub, this.#registry, this.#roster);
  }

  close(): void {
    this.#cancelHeartbeat?.();
    this.#cancelProgress?.();
    this.#cancelHeartbeat = undefined;
    this.#cancelProgress = undefined;
  }

  /** `welcome`: it may listen as it is; otherwise it has to send a key. */
  open(outlet: Outlet, principal: Principal, welcome: boolean): DeviceSession {
    this.#form ??= new DataForm(outlet.framing);
    const state: DeviceState = {
      id: principal.device ?? this.#chance.text(idLength, idAlphabet),
      keyed: principal.id !== "anonymous",
      settled: false,
      channels: undefined,
      progress: undefined,
    };
    const session = this.#hub.open(outlet, this, this.#form, { ...principal, rights: hearingRights }, state);
    session.beatEvery(heartbeatInterval);
    this.#cancelHeartbeat ??= this.#clock.after(heartbeatInterval, () => this.#beat());
    this.#introduce(session);
    if (welcome) this.#listen(session);
    else session.deadline = this.#hub.now + this.#limits.unauthenticated;
    return session;
  }

  message(session: DeviceSession, data: string | Uint8Array): void {
    const { state } = session;
    if (state.keyed || typeof data !== "string") return;
    const key = keyInMessage(data);
    if (key === undefined) return;
    state.keyed = true;
    this.#recognise(session, this.#gate.byKey(key, session.outlet.address));
  }

  /** The only message that is read is a key. */
  refused(session: DeviceSession, refused: Refused): void {
    session.end(refused);
  }

  alive({ state }: DeviceSession): void {
    const { id, progress } = state;
    if (!progress?.answered()) return;
    const { sure } = progress;
    if (sure !== undefined) this.#keeping(id, () => this.#registry.keep(id, sure));
  }

  ended(session: DeviceSession, code: number): void {
    this.#roster.remove(session);
    const { id, progress, settled } = session.state;
    if (progress === undefined) return;
    // A peer that took its leave had time to hear the rest; of all others only what they confirmed is certain.
    const tookLeave = code < 1006 && settled && session.queue === undefined;
    const seq = tookLeave ? this.#hub.handedOut : progress.sure;
    this.#keeping(id, () => {
      if (seq !== undefined) this.#registry.keep(id, seq);
      this.#registry.seen(id, this.#clock.now());
    });
  }

  #recognise(session: DeviceSession, principal: Principal): void {
    const { state } = session;
    const waited = session.deadline > 0;
    if (waited && !mayBeDevice(principal)) {
      throw new Refused("permissionDenied", "Cannot be a device with this key: it is of none, nor may it hear them");
    }
    session.principal = { ...principal, rights: hearingRights };
    session.deadline = 0;
    if (principal.device !== undefined) {
      // What it was owed under its first name is written before it listens anew.
      this.#hub.flush();
      if (!waited) this.hearing.end(session);
      this.#roster.remove(session);
      state.id = principal.device;
      this.#introduce(session);
    }
    if (principal.device !== undefined || waited) this.#listen(session);
  }

  #introduce(session: DeviceSession): void {
    this.#roster.add(session);
    session.send(session.form.framing.frame(deviceIdText(session.state.id)));
  }

  #listen(session: DeviceSession): void {
    const { id } = session.state;
    if (this.#registry.knows(id)) {
      session.state.progress = new Progress();
      this.#cancelProgress ??= this.#clock.after(progressInterval, () => this.#lookAtProgress());
      this.#keeping(id, () => this.#registry.seen(id, this.#clock.now()));
    }
    this.hearing.begin(session);
  }

  /** Every 60 s to all, whatever else they were sent: old clients count these. */
  #beat(): void {
    this.#cancelHeartbeat = this.#roster.empty ? undefined : this.#clock.after(heartbeatInterval, () => this.#beat());
    for (const session of this.#roster.all()) {
      // Who lags has enough to read.
      if (session.queue === undefined) session.send(session.form.framing.frame(heartbeatText));
    }
  }

  #lookAtProgress(): void {
    this.#hub.flush();
    let kept = false;
    for (const session of this.#roster.all()) {
      const { progress, settled } = session.state;
      if (progress === undefined) continue;
      kept = true;
      if (settled) progress.look(session as AnySession, this.#hub.handedOut, this.#hub.now);
    }
    this.#cancelProgress = kept ? this.#clock.after(progressInterval, () => this.#lookAtProgress()) : undefined;
  }

  /** What cannot be written down now is repeated to the device rather than lost. */
  #keeping(id: string, keep: () => void): void {
    try {
      keep();
    } catch (thrown) {
      // A successor has the place for it already.
      if (thrown instanceof Refused && thrown.refusal.name === "shutdown") return;
      this.#hub.log.warn({ err: thrown, device: id }, "Cannot keep how far a device has heard");
    }
  }
}
