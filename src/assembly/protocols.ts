/** Every way of speaking, put together, and the bridges to home systems. */
import type { Calls } from "../core/calls.ts";
import type { DescribedPaths } from "../core/described-paths.ts";
import { Idempotency } from "../core/idempotency.ts";
import type { DeviceStore, SettingsOf } from "../ports.ts";
import { Centrifuge } from "../protocols/centrifuge/protocol.ts";
import { describeServerApi } from "../protocols/centrifuge/server-api.ts";
import { describeChannels } from "../protocols/channel-url/description.ts";
import { ChannelUrl } from "../protocols/channel-url/protocol.ts";
import { describeDevices } from "../protocols/unix-socket/description.ts";
import { UnixSocket } from "../protocols/unix-socket/protocol.ts";
import { assembleDeconz } from "./deconz.ts";
import { assembleEspruino } from "./espruino.ts";
import { assembleJeedom } from "./jeedom.ts";
import { assembleJeedomConnect } from "./jeedomconnect.ts";
import type { Assembled, Bridges, Parts, ProtocolOffered } from "./parts.ts";
import type { ReloadedTokens } from "./reloaded.ts";

export interface ProtocolsParts extends Parts {
  readonly calls: Calls;
  readonly devices: DeviceStore;
  readonly settingsOf: SettingsOf;
  readonly tokens: ReloadedTokens["inForce"];
  /** Of Hearthwire. */
  readonly version: string;
}

export interface AssembledProtocols {
  readonly offered: readonly ProtocolOffered[];
  readonly unixSocket: UnixSocket;
  /** Those that have a file of their own here. */
  readonly assembled: readonly Assembled[];
  /** Of all types, not yet started. */
  readonly bridges: readonly Bridges[];
}

/** What protocols tell of their paths, for the one document of the API. */
export function describedPaths(): readonly DescribedPaths[] {
  return [describeChannels(), describeDevices(), describeServerApi()];
}

export function assembleProtocols(parts: ProtocolsParts): AssembledProtocols {
  const { config, clock, chance, log, hub, gate, rate, calls, devices, settingsOf, tokens } = parts;
  const { limits } = config;
  const idempotency = new Idempotency(clock);
  const about = { limits, heartbeat: config.heartbeat / 1000, maxAge: config.max_age };
  const channelUrl = new ChannelUrl({ hub, gate, idempotency, rate, ...about });
  const unixSocket = new UnixSocket({ hub, gate, clock, chance, devices, rate, limits });
  const version = `Hearthwire ${parts.version}`;
  const wired = { hub, gate, clock, chance, log, settingsOf, rate, tokens, calls, idempotency };
  const centrifuge = new Centrifuge({ ...wired, ...about, version });
  // To add a protocol is to add one folder, and one line here.
  const assembleAll = [assembleDeconz, assembleEspruino, assembleJeedom, assembleJeedomConnect];
  const assembled = assembleAll.map((assemble) => assemble(parts));
  return {
    offered: [channelUrl, centrifuge, unixSocket, ...assembled.map(({ protocol }) => protocol)],
    unixSocket,
    assembled,
    bridges: assembled.flatMap(({ bridges }) => bridges ?? []),
  };
}
