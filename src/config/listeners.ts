/** The options of a place where the gateway listens, and of who may come there without a key. */
import { z } from "zod";
import { jeedomOptions } from "./jeedom.ts";
import { option } from "./option.ts";
import { duration, filePath, listenAddress, origin, pattern, range, size, whole } from "./values.ts";

/** The protocols that exist. A new protocol is one entry here. */
export const protocolNames = [
  "channel-url",
  "centrifuge",
  "unix-socket",
  "deconz",
  "espruino",
  "jeedom",
  "jeedomconnect",
] as const;
export type ProtocolName = (typeof protocolNames)[number];

const tls = z.strictObject({
  cert: option(
    {
      live: true,
      is: "The certificate chain, PEM.",
      path: true,
      example: "/etc/letsencrypt/live/push.example.org/fullchain.pem",
    },
    filePath,
  ),
  key: option(
    {
      live: true,
      is: "Its private key, PEM.",
      path: true,
      example: "/etc/letsencrypt/live/push.example.org/privkey.pem",
    },
    filePath,
  ),
});
export const tlsOption = (where: string) =>
  option({ is: `Serves ${where} by TLS.`, example: { cert: "fullchain.pem", key: "privkey.pem" } }, tls.optional());

export const anonymous = z.strictObject({
  subscribe: option(
    { is: "Channels that a peer without a key may read.", unit: "patterns", example: ["home/**"] },
    z.array(pattern).prefault([]),
  ),
  publish: option(
    { is: "Channels that a peer without a key may publish on.", unit: "patterns", example: ["demo/**"] },
    z.array(pattern).prefault([]),
  ),
  devices: option(
    {
      is: "Whether devices may connect at `/devices` without a key.",
      unit: "`true`, `false` or `loopback` (from this machine only)",
      example: true,
    },
    z.union([z.boolean(), z.literal("loopback")]).prefault(false),
  ),
});
export type Anonymous = z.output<typeof anonymous>;

/** What is said of peers without a key, at a place that may say otherwise than the whole. */
export const access = {
  open_to: option(
    {
      live: true,
      is: "Addresses that may come without a key.",
      unit: "addresses and ranges",
      byDefault: "whoever can reach it",
      example: ["192.168.0.0/16", "::1"],
    },
    z.array(range).optional(),
  ),
  anonymous: option(
    {
      live: true,
      is: "What those may do. When it is there, what it does not name is not allowed.",
      byDefault: "as `anonymous` of the whole",
      example: { subscribe: ["home/**"] },
    },
    anonymous.optional(),
  ),
  origins: option(
    {
      live: true,
      is: "Web pages that may speak here, besides the gateway's own.",
      unit: "origins",
      byDefault: "as `origins` of the whole",
      example: ["https://home.example.org"],
    },
    z.array(origin).optional(),
  ),
};

const port = whole({ least: 1, most: 65_535 });

/** Which home system is served at a place, by the protocols that serve one. */
const bridge = option(
  {
    is: "Which bridge's home system is served (protocols deconz, jeedom and jeedomconnect).",
    byDefault: "the bridge of the protocol's type, if there is one only",
    example: "deconz",
  },
  z.string().min(1).optional(),
);

/** What is said of deCONZ's protocol at a place that speaks it. */
export const deconzOptions = {
  bridge,
  path_key: option(
    {
      is: "Whether a key may stand in the path of the WebSocket, as in `ws://host/<key>` (protocol deconz).",
      unit: "`true` or `false`",
      byDefault: "`false`",
      example: true,
    },
    z.boolean().optional(),
  ),
  public_ws_port: option(
    {
      is: "The port of the WebSocket that clients are told, where a proxy gives it another (protocol deconz).",
      unit: "port",
      byDefault: "the port in use",
      example: 443,
    },
    port.optional(),
  ),
};

/** What is said of boards at a listener for them; the defaults are the transport's. */
const espruinoOptions = {
  largest_message: option(
    {
      is: "The largest message to and from a board, but those of 2015, which take 125 bytes; 1 KB is good advice (protocol espruino).",
      unit: "size, at most 65535",
      byDefault: "65535",
      example: 1024,
    },
    size({ least: 125, most: 65_535 }).optional(),
  ),
  spacing: option(
    {
      is: "The least time between two messages to a board of 2015 (protocol espruino).",
      unit: "duration, at least 50ms",
      byDefault: "60ms",
      example: "100ms",
    },
    duration({ least: 50, most: 10_000 }).optional(),
  ),
  keep_alive: option(
    {
      is: "How often boards of 2015 say that they live, their `keepAlive`; one that is silent for twice as long is given up (protocol espruino).",
      unit: "duration",
      byDefault: "60s",
      example: "5m",
    },
    duration({ least: 1000, most: 86_400_000 }).optional(),
  ),
};

export const maxAge = duration({ least: 1000, most: 30 * 86_400_000 });

export const listener = z.strictObject({
  listen: option(
    {
      is: "Where it listens.",
      unit: "`host:port`, `[::1]:port`, `:port` (every interface) or a port (of loopback)",
      example: "0.0.0.0:8443",
    },
    listenAddress,
  ),
  protocol: option(
    {
      is: "The one protocol that it speaks, at any path.",
      byDefault: "all of the main listener",
      example: "unix-socket",
    },
    z.enum(protocolNames).optional(),
  ),
  tls: tlsOption("this listener"),
  ...access,
  max_age: option(
    {
      is: "As `max_age` of the whole, for this listener.",
      unit: "duration",
      byDefault: "as `max_age` of the whole",
      example: "10m",
    },
    maxAge.optional(),
  ),
  ...deconzOptions,
  ...espruinoOptions,
  ...jeedomOptions,
  ws_port: option(
    {
      is: "Where the WebSocket is: on the port of `listen`, on a port of its own, or on the first free one of 443, 8080, 8088, 20877 and any other (protocol deconz).",
      unit: "`shared`, `auto` or a port",
      byDefault: "`shared`",
      example: "auto",
    },
    z.union([z.enum(["shared", "auto"]), port]).optional(),
  ),
});
export type ListenerConfig = z.output<typeof listener>;
