/** Methods that every gateway offers to whoever has the grant `call` for them: `time`, `channels`, `devices`. */
import type { DeviceStore, JsonText } from "../ports.ts";
import type { Calls } from "./calls.ts";
import { isPattern, requirePattern } from "./channels.ts";
import type { Hub } from "./hub.ts";
import { Refused } from "./refusals.ts";
import type { Principal } from "./session.ts";

export interface BuiltinCallsParts {
  readonly hub: Hub;
  readonly devices: DeviceStore;
}

export function registerBuiltinCalls(calls: Calls, { hub, devices }: BuiltinCallsParts): void {
  calls.register("time", () => JSON.stringify({ time: hub.now }));
  calls.register("channels", async (params, by) => JSON.stringify({ channels: await channelsOf(hub, params, by) }));
  calls.register("devices", () => {
    const sessions = new Map<string, number>();
    for (const { principal } of hub.sessions) {
      if (principal.device === undefined) continue;
      sessions.set(principal.device, (sessions.get(principal.device) ?? 0) + 1);
    }
    const all = devices.list().map(({ id, name, lastSeen }) => {
      return { id, name, last_seen: lastSeen, sessions: sessions.get(id) ?? 0 };
    });
    return JSON.stringify({ devices: all });
  });
}

/** `{"pattern"?}`: those that the caller may subscribe to, with how many sessions listen. */
async function channelsOf(hub: Hub, params: JsonText, { rights }: Principal): Promise<readonly object[]> {
  const given: unknown = JSON.parse(params);
  const asked = typeof given === "object" && given !== null && "pattern" in given ? given.pattern : "**";
  if (typeof asked !== "string") throw new Refused("badRequest", "Cannot list channels: `pattern` must be a text");
  const pattern = isPattern(asked) ? requirePattern(asked) : asked;
  const names = await hub.channels(pattern);
  return names
    .filter((channel) => rights.may("subscribe", channel))
    .map((channel) => ({ channel, listeners: hub.listeners(channel) }));
}
