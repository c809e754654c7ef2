/** The options of the protocol jeedom. */
import { z } from "zod";
import { option } from "./option.ts";
import { duration } from "./values.ts";

/** What is said of the protocol of Jeedom's plugin at a place that speaks it. */
export const jeedomOptions = {
  allowed_hosts: option(
    {
      is: "Hosts whose pages may listen: the host of their `Origin`, whatever its port (protocol jeedom).",
      unit: "hosts, as a list or separated by commas",
      byDefault: "the host of the bridge's `url`, that of `public_url`, and Jeedom's internal and external address",
      example: ["myjeedom.example", "10.0.0.42"],
    },
    z.union([z.array(z.string().min(1)), z.string()]).optional(),
  ),
  require_origin: option(
    {
      is: "Whether a client that sends no `Origin` is refused, as by the plugin (protocol jeedom).",
      unit: "`true` or `false`",
      byDefault: "`true`",
      example: false,
    },
    z.boolean().optional(),
  ),
  auth_delay: option(
    {
      is: "How long a client may take to send its key (protocol jeedom).",
      unit: "duration",
      byDefault: "`1s`",
      example: "3s",
    },
    duration({ least: 10, most: 60_000 }).optional(),
  ),
  read_delay: option(
    {
      is: "The least time between two messages to a client; events that come meanwhile leave in one (protocol jeedom).",
      unit: "duration",
      byDefault: "`0s`: every event at once",
      example: "2s",
    },
    duration({ most: 600_000 }).optional(),
  ),
  rights: option(
    {
      is: "What users of Jeedom hear: `user`: what Jeedom lets them see; `all`: everything (protocol jeedom).",
      unit: "`user` or `all`",
      byDefault: "`user`",
      example: "all",
    },
    z.enum(["user", "all"]).optional(),
  ),
};
