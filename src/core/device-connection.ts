/** How a device is to reach the gateway: what its QR code says, and what it is told when that changes. */
import type { DeviceRecord } from "../ports.ts";

/** What its owner wishes for it; `auto`: the device tries WebSocket, then SSE, then polling. */
export const deviceTransports = ["auto", "websocket", "sse", "polling"] as const;
export type DeviceTransport = (typeof deviceTransports)[number];

/** One place in both forms, without a slash at the end. */
export interface Address {
  readonly http: string;
  readonly websocket: string;
}

export interface Addresses {
  /** In the house. */
  readonly internal?: Address;
  /** From outside. */
  readonly external?: Address;
}

export interface DeviceConnection extends Addresses {
  readonly device: string;
  readonly name: string;
  readonly transport: DeviceTransport;
}

export function isDeviceTransport(text: string | undefined): text is DeviceTransport {
  return deviceTransports.some((transport) => transport === text);
}

/** The transport is the device's setting `transport`. */
export function connectionOf({ id, name, settings }: DeviceRecord, addresses: Addresses): DeviceConnection {
  const wished = settings["transport"];
  return { device: id, name, transport: isDeviceTransport(wished) ? wished : "auto", ...addresses };
}
