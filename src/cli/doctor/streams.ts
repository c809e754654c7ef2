/** Whether WebSockets come through, whether events come at once, and whether a silent connection lives. */
import { setTimeout as sleep } from "node:timers/promises";
import { EventStream, farHeartbeat, Probe } from "./connections.ts";
import { advice, ask, channelPath, codeOfError, type Finding, good, type Place, untested, wrong } from "./finding.ts";

const noRights = "give a key (HEARTHWIRE_KEY), or a channel that needs none with --channel";

export async function lookAtWebSocket(place: Place): Promise<Finding> {
  const probe = new Probe(place);
  const opened = await probe.opened;
  if (opened) await probe.answered();
  probe.leave();
  const refused = probe.ended !== undefined && probe.ended.code >= 3500 && probe.ended.code < 4000;
  if (opened && (probe.heard.length > 0 || refused)) return good("WebSocket", "upgrades come through");
  if (opened) {
    return wrong(
      "WebSocket",
      "it opens, and nothing comes by it",
      "let the proxy pass on bytes both ways as they come, unbuffered (docs/proxies.md)",
    );
  }
  return notUpgraded(place);
}

/** Asks once more in plain HTTP, since a failed WebSocket does not tell what was answered. */
async function notUpgraded(place: Place): Promise<Finding> {
  const upgrade = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "aGVhcnRod2lyZSBkb2N0b3I=",
  };
  const response = await ask(place, channelPath(place), { headers: upgrade });
  const { status, headers } = response;
  const body = await response.text();
  const ours = codeOfError(body);
  // Without a key a WebSocket would be let in to show one: then the gateway saw a plain request.
  if (place.key !== undefined && status === 403 && ours !== undefined) {
    return untested("WebSocket", `the key may not listen to ${place.channel}`, noRights);
  }
  const seen =
    status === 200 || ours !== undefined
      ? "the gateway sees a plain request where a WebSocket should begin"
      : `an upgrade is answered with ${status}`;
  return wrong(
    "WebSocket",
    seen,
    advice("let the proxy pass on `Upgrade` and `Connection`, by HTTP/1.1", headers, {
      nginx:
        "`proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;`",
      apache: "`upgrade=websocket` at the end of ProxyPass",
    }),
  );
}

/** What the gateway said of its heartbeat, in seconds. */
export interface StreamsSeen {
  readonly finding: Finding;
  readonly heartbeat?: number;
}

export async function lookAtStreams(place: Place): Promise<StreamsSeen> {
  const stream = await EventStream.open(place, "");
  if (stream === undefined) {
    const { headers } = await ask(place, "health/live");
    return { finding: heldBack(headers, "not even the head of the answer comes") };
  }
  const { status, headers } = stream.response;
  try {
    if (status === 401 || status === 403) {
      return { finding: untested("Streams", `nobody may listen to ${place.channel} like this (${status})`, noRights) };
    }
    if (status !== 200) {
      return { finding: untested("Streams", `listening to ${place.channel} is answered with ${status}`, noRights) };
    }
    if (!(await stream.hears('"live"'))) return { finding: heldBack(headers, "the first events do not come") };
    const [, digits] = /"heartbeat":(\d+)/.exec(stream.text) ?? [];
    const finding = await publishThrough(place, stream, headers);
    return { finding, ...(digits === undefined ? {} : { heartbeat: Number(digits) }) };
  } finally {
    stream.leave();
  }
}

/** A publication of ours, where we may: it shows most of all. */
async function publishThrough(place: Place, stream: EventStream, headers: Headers): Promise<Finding> {
  const mark = `doctor ${crypto.randomUUID()}`;
  const { ok } = await ask(place, channelPath(place), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(mark),
  });
  if (!ok) return good("Streams", "the first events come at once (no right to publish one more)");
  return (await stream.hears(mark))
    ? good("Streams", "events come at once")
    : heldBack(headers, "a publication does not come");
}

function heldBack(headers: Headers, seen: string): Finding {
  return wrong(
    "Streams",
    `${seen}: something holds events back`,
    advice("let the proxy pass on answers unbuffered and uncompressed", headers, {
      nginx:
        "`proxy_buffering off;`, without `proxy_ignore_headers X-Accel-Buffering` and without text/event-stream in `gzip_types`",
      apache: "`flushpackets=on` at the end of ProxyPass, and no compression of text/event-stream",
      caddy: "`flush_interval -1`, and no `encode` of text/event-stream",
    }),
  );
}

/** Longest heartbeats that are waited for. */
const heartbeats = 2;

/** Listens in silence for two heartbeats of the gateway. */
export async function listenInSilence(place: Place, heartbeat: number, webSocket: boolean): Promise<Finding> {
  const start = performance.now();
  const probe = webSocket ? new Probe(place) : undefined;
  const stream = await EventStream.open(place, `?heartbeat=${farHeartbeat}`);
  const opened = probe === undefined || (await probe.opened);
  const end = start + heartbeats * heartbeat * 1000;
  const over = (): readonly (readonly [string, number])[] => [
    ...(stream?.ended === undefined ? [] : ([["a stream", stream.ended]] as const)),
    ...(probe?.ended === undefined ? [] : ([["a WebSocket", probe.ended.at]] as const)),
  ];
  while (performance.now() < end && over().length === 0) await sleep(100);
  const [first] = over();
  stream?.leave();
  probe?.leave();
  if (stream === undefined || !opened) return untested("Silence", "no connection was there to be silent");
  const checked = probe === undefined ? "a stream" : "a WebSocket and a stream";
  if (first === undefined) return good("Silence", `${checked} may be silent for ${heartbeats * heartbeat} s`);
  return cutOff(first, Math.max(1, Math.round((first[1] - start) / 1000)), heartbeat, stream.response.headers);
}

function cutOff([which]: readonly [string, number], seconds: number, heartbeat: number, headers: Headers): Finding {
  const times = 3 * heartbeat;
  const seen =
    seconds <= heartbeat
      ? `${which} that is silent for ${seconds} s is ended, before the gateway's heartbeat of ${heartbeat} s`
      : `${which} that is silent for ${seconds} s is ended, hardly after the gateway's heartbeat of ${heartbeat} s`;
  return wrong(
    "Silence",
    seen,
    advice(
      `let the proxy wait for ${times} s, or set the gateway's \`heartbeat\` to a third of ${seconds} s`,
      headers,
      {
        nginx: `\`proxy_read_timeout ${times}s; proxy_send_timeout ${times}s;\``,
        apache: `\`timeout=${times}\` at the end of ProxyPass`,
        caddy: "take `read_timeout` and `write_timeout` out of `transport http`, and `idle` out of `servers`",
      },
    ),
  );
}
