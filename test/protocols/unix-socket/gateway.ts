/** A gateway of the real parts: a Unix socket, an HTTP port, and a clock that the test turns. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EmbeddedBroker } from "../../../src/brokers/embedded/broker.ts";
import { Gate } from "../../../src/core/gate.ts";
import { Hub } from "../../../src/core/hub.ts";
import { makeKey } from "../../../src/core/keys.ts";
import { PublishRate } from "../../../src/core/rate.ts";
import { Tickets } from "../../../src/core/tickets.ts";
import { Front } from "../../../src/http/front.ts";
import type { ChannelSettings, DeviceRecord, Grants, KeyRecord, Policy } from "../../../src/ports.ts";
import { UnixSocket } from "../../../src/protocols/unix-socket/protocol.ts";
import { listenHttp } from "../../../src/transports/http-server.ts";
import { systemChance } from "../../../src/transports/system.ts";
import { listenUnixStream } from "../../../src/transports/unix-stream.ts";
import { stream } from "../../fakes/channels.ts";
import { Records } from "../../fakes/records.ts";
import { TurnedClock } from "../../fakes/turned-clock.ts";
import { overheard } from "../../secrets/ledger.ts";
import type { MemoryJournal } from "./journal.ts";

export class House {
  readonly keys = new Records<KeyRecord>();
  readonly devices = new Records<DeviceRecord>();

  key(grants: Grants, device?: string): string {
    const about = { name: "test", grants, created: 0 };
    const { key, record } = makeKey(systemChance, device === undefined ? about : { ...about, device });
    this.keys.put(record);
    return key;
  }

  /** A registered device; the answer is its key. */
  device(id: string): string {
    const key = this.key({ subscribe: [`$device/${id}`] }, id);
    this.devices.put({ id, name: id, key, created: 0, channels: [], settings: {} });
    return key;
  }
}

export interface StageOptions {
  readonly house?: House;
  readonly journal?: MemoryJournal;
  /** Whether devices may come without a key. Default: yes. */
  readonly strangers?: boolean;
  readonly anonymous?: Grants;
  /** Largest command, in bytes. */
  readonly body?: number;
  /** Commands per second of one key. */
  readonly rate?: number;
}

/** `kept/…` are durable, `maps/…` are maps; with a journal what goes to devices is kept as well. */
function settingsFor(journal: MemoryJournal | undefined): (channel: string) => ChannelSettings {
  return (channel) => {
    if (channel.startsWith("kept/")) return { ...stream, durable: "yes" };
    if (channel.startsWith("maps/")) return { ...stream, kind: "map", queue: "latest" };
    return journal !== undefined && channel.startsWith("$device") ? { ...stream, durable: "yes" } : stream;
  };
}

export interface Stage {
  readonly url: string;
  readonly path: string;
  readonly clock: TurnedClock;
  readonly hub: Hub;
  readonly house: House;
  readonly broker: EmbeddedBroker;
  /** What was logged as an error. */
  readonly errors: readonly object[];
  stop(): Promise<void>;
}

export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const { house = new House(), journal, strangers = true, anonymous = {}, body = 1 << 20, rate = 0 } = options;
  const clock = new TurnedClock();
  const errors: object[] = [];
  const quiet = (): void => undefined;
  const log = overheard({
    debug: quiet,
    info: quiet,
    warn: quiet,
    error: (fields, text) => errors.push({ ...fields, text }),
  });
  const chance = systemChance;
  const settingsOf = settingsFor(journal);
  const broker = new EmbeddedBroker({ clock, chance, log, settingsOf, ...(journal === undefined ? {} : { journal }) });
  await broker.start();
  const limits = { queue: { bytes: 1 << 20, age: 10_000 }, publication: 1 << 20, subscriptions: 100 };
  const hub = new Hub({ clock, log, broker, settingsOf, limits, run: broker.run });
  const gate = new Gate({ keys: house.keys, clock, tickets: new Tickets(clock, chance) });
  const protocol = new UnixSocket({
    hub,
    gate,
    clock,
    chance,
    devices: house.devices,
    rate: new PublishRate(clock, { key: rate, address: rate }),
    limits: { unauthenticated: 3000, body },
  });
  const everywhere = ["0.0.0.0/0", "::/0"];
  const policy: Policy = { openTo: everywhere, anonymous, devices: strangers ? everywhere : [], origins: [] };
  const front = new Front({ gate, log, offers: [], rest: { protocol, policy: () => policy } });
  const at = { hostname: "127.0.0.1", port: 0 };
  const http = listenHttp({ at, maxMessage: 1 << 20, log, visit: (visit) => front.visit(visit) });
  const directory = mkdtempSync(join(tmpdir(), "hearthwire-unix-"));
  const path = join(directory, "push.sock");
  const unix = await listenUnixStream({ path, protocol, log });
  return {
    url: `127.0.0.1:${http.port}`,
    path,
    clock,
    hub,
    house,
    broker,
    errors,
    async stop() {
      unix.close(true);
      hub.close();
      protocol.close();
      await http.stop(true);
      await broker.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
