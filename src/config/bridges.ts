/** The options of bridges: connections to home systems upstream. */
import { z } from "zod";
import type { ChannelKind } from "../ports.ts";
import { option } from "./option.ts";
import { duration, webUrl, whole } from "./values.ts";

export const bridgeTypes = ["deconz", "jeedom", "jeedomconnect"] as const;
export type BridgeType = (typeof bridgeTypes)[number];

const bridge = z.strictObject({
  type: option({ is: "What kind of home system it is.", example: "deconz" }, z.enum(bridgeTypes)),
  url: option(
    {
      is: "Where its HTTP interface is; for type jeedomconnect, Jeedom's address or that of the plugin's API.",
      unit: "URL",
      example: "http://192.168.1.10",
    },
    webUrl,
  ),
  key: option(
    {
      is: "The key that it gave us (deconz), the API key of a user or of Jeedom (jeedom), or that of the plugin (jeedomconnect); `key_file` names a file that has it.",
      unit: "text",
      byDefault: "what `hearthwire bridge pair` wrote to `secrets/<name>.key` in `data`",
      example: "0A1B2C3D4E",
      secret: true,
    },
    z.string().min(1).optional(),
  ),
  rest: option(
    {
      is: "Asks for nothing while nobody listens to the bridge's channels, and keeps no maps then (type jeedom).",
      unit: "`true` or `false`",
      byDefault: "`false`",
      example: true,
    },
    z.boolean().optional(),
  ),
  read_delay: option(
    {
      is: "How often events are asked for, without waiting for them: for Jeedoms that are too weak for long polls (type jeedom).",
      unit: "duration",
      byDefault: "long polls: events are there as soon as Jeedom looks for them",
      example: "2s",
    },
    duration({ least: 100, most: 60_000 }).optional(),
  ),
  action_delay: option(
    {
      is: "How often the plugin is asked, for each phone whose app is looked at, for actions, its configuration, scenarios and objects, and for values that no bridge to its Jeedom tells. A phone that polls is asked for every 2.5 s at least (type jeedomconnect).",
      unit: "duration",
      byDefault: "`2s`; `1s` at most while no bridge to its Jeedom is connected",
      example: "1s",
    },
    duration({ least: 250, most: 60_000 }).optional(),
  ),
  socket_port: option(
    {
      is: "The port of this machine where the plugin brings its answers, its setting `socketport`; `false` takes them from its replies alone, for a gateway on another machine than Jeedom's (type jeedomconnect).",
      unit: "port or `false`",
      byDefault: "58090",
      example: 58_091,
    },
    z.union([z.literal(false), whole({ least: 1, most: 65_535 })]).optional(),
  ),
  jeedom: option(
    {
      is: "The bridge of type jeedom to the plugin's Jeedom, whose events tell phones of new values without a question to the plugin (type jeedomconnect).",
      byDefault: "the bridge of type jeedom, if there is one only",
      example: "jeedom",
    },
    z.string().min(1).optional(),
  ),
});
export type BridgeConfig = z.output<typeof bridge>;

/** The first level of its channels, so one level; methods are named after it too. */
const bridgeName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/, "must be a name of letters, digits, - and _");

export const bridges = z.map(
  bridgeName,
  option({ is: "A connection to a home system.", example: { type: "deconz", url: "http://192.168.1.10" } }, bridge),
);

/** What a bridge publishes, below its name, and of which kind that has to be. */
export const bridgeChannels: Readonly<Record<BridgeType, Readonly<Record<string, ChannelKind>>>> = {
  deconz: {
    events: "stream",
    lights: "map",
    sensors: "map",
    groups: "map",
    scenes: "map",
    alarmsystems: "map",
  },
  jeedom: {
    events: "stream",
    commands: "map",
    equipments: "map",
    objects: "map",
    scenarios: "map",
  },
  jeedomconnect: {},
};
