/** The peers of the soak: a crowd that comes and goes, some that stop reading, and publishers. */
import { RawClient, upgradeHead } from "../transports/raw-client.ts";

export interface Figures {
  connected: number;
  heard: number;
  published: number;
  failed: number;
}

/** How long a peer of the crowd stays, in ms. */
const [shortest, longest] = [200, 8000];

/** One place in the crowd, taken by one peer after the other until `over`. */
export async function comeAndGo(url: string, place: number, over: AbortSignal, figures: Figures): Promise<void> {
  while (!over.aborted) {
    const stay = shortest + Math.random() * (longest - shortest);
    try {
      await ways[place % ways.length]?.(url, stay, figures);
      figures.connected++;
    } catch {
      figures.failed++;
      await Bun.sleep(100);
    }
  }
}

const ways = [webSocket, webSocket, stream("text/event-stream"), stream("application/x-ndjson"), poll, inbox];

function webSocket(url: string, stay: number, figures: Figures): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace("http", "ws")}/channels/soak/**`);
    const timer = setTimeout(() => socket.close(), stay);
    socket.onmessage = () => void figures.heard++;
    socket.onclose = ({ code }) => {
      clearTimeout(timer);
      if (code === 1005 || code === 1000) resolve();
      else reject(new Error(String(code)));
    };
  });
}

function stream(accept: string) {
  return async (url: string, stay: number, figures: Figures): Promise<void> => {
    const signal = AbortSignal.timeout(stay);
    const response = await fetch(`${url}/channels/soak/map,soak/kept`, { headers: { accept }, signal });
    if (!response.ok) throw new Error(String(response.status));
    try {
      for await (const _ of response.body ?? []) figures.heard++;
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
    }
  };
}

async function poll(url: string, _: number, figures: Figures): Promise<void> {
  const first = await fetch(`${url}/channels/soak/events`);
  const { cursor } = (await first.json()) as { cursor: string };
  const next = await fetch(`${url}/channels/soak/events?since=${cursor}&wait=5`);
  if (!next.ok) throw new Error(String(next.status));
  await next.text();
  figures.heard++;
}

/** Rooms that nobody comes back to: what a gateway may forget. */
async function inbox(url: string, stay: number, figures: Figures): Promise<void> {
  const name = `soak/rooms/${Math.floor(Math.random() * 1e9).toString(36)}`;
  await publish(url, name, "{}", figures);
  const answer = await fetch(`${url}/channels/${name}?history=1`);
  await answer.text();
  await Bun.sleep(stay / 10);
}

export async function publish(url: string, channel: string, body: string, figures: Figures): Promise<void> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}/channels/${channel}`, { method: "POST", headers, body });
  await response.text();
  if (response.ok) figures.published++;
  else figures.failed++;
}

/** Listens, and reads nothing until the gateway has had enough of it; then comes again. */
export async function stopReading(port: number, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    const client = await RawClient.connect(port).catch(() => undefined);
    if (client === undefined) {
      await Bun.sleep(500);
      continue;
    }
    await client.send(upgradeHead("/channels/soak/heavy"));
    await Bun.sleep(100);
    client.stopReading();
    const end = performance.now() + 30_000;
    while (!over.aborted && !client.closed && performance.now() < end) await Bun.sleep(200);
    client.reset();
  }
}
