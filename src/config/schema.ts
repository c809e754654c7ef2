/**
 * The one schema of the configuration: everything that can be set, with its default, its form and what it means. The
 * documentation, the editors' schema, the environment variables and the flags are made from it.
 */
import { z } from "zod";
import { addresses } from "./addresses.ts";
import { bridges } from "./bridges.ts";
import { calls } from "./calls.ts";
import { channels } from "./channels.ts";
import { jeedomOptions } from "./jeedom.ts";
import { limits } from "./limits.ts";
import { access, anonymous, deconzOptions, listener, maxAge, type ProtocolName, tlsOption } from "./listeners.ts";
import { option } from "./option.ts";
import { tokens } from "./tokens.ts";
import { duration, fileMode, filePath, listenAddress, origin, range, webUrl } from "./values.ts";

export type { BridgeConfig } from "./bridges.ts";
export type { Anonymous, ListenerConfig, ProtocolName } from "./listeners.ts";
export { protocolNames } from "./listeners.ts";

const protocol = (name: ProtocolName) =>
  option(
    { is: `The protocol ${name} on the main listener.`, example: { open_to: ["127.0.0.0/8"] } },
    z.strictObject(access).prefault({}),
  );

const unixSocket = z.strictObject({
  path: option(
    {
      is: "The socket's file.",
      path: true,
      byDefault:
        "`$XDG_RUNTIME_DIR/hearthwire.sock`; `/run/hearthwire/hearthwire.sock` under systemd; else `push.sock` in `data`",
      example: "/run/hearthwire/push.sock",
    },
    filePath,
  ),
  mode: option(
    { is: "Who may open it: who may, may publish everything.", unit: "octal file mode", example: "0600" },
    fileMode.prefault("0660"),
  ),
  group: option(
    { is: "The group that the file is given to.", byDefault: "that of the process", example: "www-data" },
    z.string().min(1).optional(),
  ),
});

const log = z.strictObject({
  level: option(
    { is: "The least important lines that are written.", example: "debug" },
    z.enum(["debug", "info", "warn", "error"]).prefault("info"),
  ),
  format: option(
    { is: "`text` for people, `json` for programs, `auto`: text on a terminal and JSON otherwise.", example: "json" },
    z.enum(["auto", "text", "json"]).prefault("auto"),
  ),
});

export const schema = z.strictObject({
  listen: option(
    {
      is: "Where the gateway listens.",
      unit: "`host:port`, `[::1]:port`, `:port` (every interface) or a port (of loopback)",
      example: "0.0.0.0:8642",
    },
    listenAddress.prefault("127.0.0.1:8642"),
  ),
  tls: tlsOption("`listen`"),
  public_url: option(
    {
      is: "The address by which the world knows the gateway, when a proxy or a router stands before it.",
      unit: "URL",
      example: "https://push.example.org",
    },
    webUrl.optional(),
  ),
  addresses: option(
    {
      live: true,
      is: "Where devices find the gateway: what stands in their QR codes.",
      example: { internal: { http: "http://192.168.1.5:8642" }, external: { http: "https://push.example.org" } },
    },
    addresses.prefault({}),
  ),
  data: option(
    {
      is: "The folder for keys, devices, the journal and the control socket.",
      path: true,
      byDefault:
        "`$STATE_DIRECTORY` under systemd, else `$XDG_STATE_HOME/hearthwire`, else `~/.local/state/hearthwire`",
      example: "/var/lib/hearthwire",
    },
    filePath,
  ),
  anonymous: option(
    {
      live: true,
      is: "What a peer without a key may do. When it is there, what it does not name is not allowed.",
      example: { subscribe: ["home/**"] },
    },
    anonymous.prefault({ subscribe: ["demo/**"], publish: ["demo/**"], devices: "loopback" }),
  ),
  origins: option(
    {
      live: true,
      is: "Web pages that may speak with the gateway, besides its own.",
      unit: "origins",
      example: ["https://home.example.org"],
    },
    z.array(origin).prefault([]),
  ),
  trusted_proxies: option(
    {
      is: "Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.",
      unit: "addresses and ranges",
      example: ["127.0.0.1"],
    },
    z.array(range).prefault([]),
  ),
  channels: option(
    {
      live: true,
      is: "Settings of channels by pattern; the first that matches holds. `*` is one level, `**` the rest.",
      example: { "home/lights": { kind: "map" } },
    },
    channels.prefault(new Map()),
  ),
  bridges: option(
    {
      live: true,
      is: "Connections to home systems, by names of your choice: the first level of their channels and calls.",
      example: { deconz: { type: "deconz", url: "http://192.168.1.10" } },
    },
    bridges.prefault(new Map()),
  ),
  tokens: option(
    {
      live: true,
      is: "Tokens (JWT) by which an application says who its users are and what they may do.",
      byDefault: "API keys only",
      example: { hmac: ["a-new-secret-of-the-application"], default_grants: { subscribe: ["home/**"] } },
    },
    tokens.optional(),
  ),
  calls: option(
    {
      live: true,
      is: "Methods that programs of yours answer by HTTP, by patterns of their names: `*` is one level between dots, `**` the rest.",
      example: { "app.*": { url: "http://127.0.0.1:3000/hearthwire" } },
    },
    calls.prefault(new Map()),
  ),
  listeners: option(
    {
      is: "More addresses to listen on, for all protocols or for one.",
      example: [{ listen: "0.0.0.0:8443", protocol: "unix-socket" }],
    },
    z.array(listener).prefault([]),
  ),
  protocols: option(
    {
      is: "Options of the protocols on the main listener.",
      example: { "unix-socket": { open_to: ["192.168.0.0/16"] } },
    },
    z
      .strictObject({
        "channel-url": protocol("channel-url"),
        centrifuge: protocol("centrifuge"),
        "unix-socket": protocol("unix-socket"),
        deconz: option(
          {
            is: "The protocol deconz on the main listener, at `/deconz`. Without `open_to`, this machine and private networks may listen without a key; without `anonymous`, to the channels of its bridge.",
            example: { open_to: ["192.168.0.0/16"] },
          },
          z.strictObject({ ...access, ...deconzOptions }).prefault({}),
        ),
        espruino: option(
          {
            is: "The room server of the protocol espruino on the main listener, at `/espruino`. Without `open_to`, this machine and private networks may come without a key; without `anonymous`, to the rooms and to `espruino/inbox`.",
            example: { open_to: ["192.168.0.0/16"] },
          },
          z.strictObject(access).prefault({}),
        ),
        jeedom: option(
          {
            is: "The protocol of Jeedom's plugin Websocket on the main listener, at `/jeedom`.",
            example: { allowed_hosts: ["myjeedom.example"] },
          },
          z.strictObject({ origins: access.origins, bridge: deconzOptions.bridge, ...jeedomOptions }).prefault({}),
        ),
        jeedomconnect: option(
          {
            is: "What phones with the app JeedomConnect speak on the main listener: a WebSocket at `/jeedomconnect`, and the plugin's paths at `/plugins/JeedomConnect`.",
            example: { bridge: "jc" },
          },
          z.strictObject({ bridge: deconzOptions.bridge }).prefault({}),
        ),
      })
      .prefault({}),
  ),
  unix_socket: option(
    {
      is: "The Unix socket that backends push into; `false` for none.",
      byDefault: "as below",
      example: { mode: "0600" },
    },
    z.union([z.literal(false), unixSocket]),
  ),
  heartbeat: option(
    { is: "How often a silent connection is sent a sign of life.", unit: "duration", example: "15s" },
    duration({ least: 1000, most: 600_000 }).prefault("25s"),
  ),
  max_age: option(
    {
      is: "After how long a stream is ended, so that its client comes back with its cursor.",
      unit: "duration",
      example: "10m",
    },
    maxAge.prefault("1h"),
  ),
  drain: option(
    {
      live: true,
      is: "Over how long the clients are sent away when the gateway stops.",
      unit: "duration",
      example: "30s",
    },
    duration({ most: 3_600_000 }).prefault("10s"),
  ),
  limits: option(
    { live: true, is: "Limits, each far above what a house needs.", example: { subscriptions: 100 } },
    limits.prefault({}),
  ),
  metrics: option(
    { is: "The gateway's figures for Prometheus, at `/metrics`.", example: { open_to: ["192.168.1.5"] } },
    z
      .strictObject({
        open_to: option(
          {
            is: "Who may read them without a key; others need the grant `admin`.",
            unit: "addresses and ranges",
            example: ["127.0.0.1", "192.168.1.5"],
          },
          z.array(range).prefault(["127.0.0.0/8", "::1"]),
        ),
      })
      .prefault({}),
  ),
  log: option({ is: "What the gateway says of itself.", example: { level: "debug" } }, log.prefault({})),
});

/** What the gateway is given: times in milliseconds, sizes in bytes, paths absolute. */
export type Config = z.output<typeof schema>;
