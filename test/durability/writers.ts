/** Publishers that note what was acknowledged, over HTTP, a WebSocket and the Unix socket, until their gateway is gone. */
import { connect } from "node:net";

export interface Publishing {
  readonly channel: string;
  readonly key?: string;
  /** Unlike any other. */
  readonly data: string;
}

export interface Acknowledged extends Publishing {
  readonly offset: number;
}

/** What to publish next, and where to note that it was acknowledged. */
export interface Errand {
  next(): Publishing;
  acknowledged(publishing: Publishing, offset: number): void;
}

interface Place {
  readonly url: string;
  readonly socket: string;
}

/** Requests, messages or commands of one writer whose answers have not come yet. */
const atOnce = { http: 6, webSocket: 24, unixSocket: 24 };

/** Ends when the gateway is gone. Throws what the gateway refused. */
export async function writeUntilGone({ url, socket }: Place, errand: Errand): Promise<void> {
  await Promise.all([
    ...Array.from({ length: atOnce.http }, () => writeByHttp(url, errand)),
    writeByWebSocket(url, errand),
    writeByUnixSocket(socket, errand),
  ]);
}

async function writeByHttp(url: string, errand: Errand): Promise<void> {
  for (;;) {
    const publishing = errand.next();
    const { channel, key, data } = publishing;
    const query = key === undefined ? "" : `?key=${key}`;
    let answer: { readonly status: number; readonly text: string };
    try {
      const response = await fetch(`${url}/channels/${channel}${query}`, { method: "POST", body: data });
      answer = { status: response.status, text: await response.text() };
    } catch {
      return;
    }
    if (answer.status !== 200) throw new Error(`Refused: ${answer.text}`);
    errand.acknowledged(publishing, offsetIn(JSON.parse(answer.text)));
  }
}

function writeByWebSocket(url: string, errand: Errand): Promise<void> {
  const waiting = new Map<number, Publishing>();
  let sent = 0;
  const socket = new WebSocket(`${url.replace("http", "ws")}/channels/nobody`);
  const write = (): void => {
    const publishing = errand.next();
    waiting.set(++sent, publishing);
    socket.send(JSON.stringify({ ...publishing, id: sent }));
  };
  return new Promise((resolve, reject) => {
    socket.onopen = () => {
      for (let n = 0; n < atOnce.webSocket; n++) write();
    };
    socket.onmessage = ({ data }) => {
      const answer: unknown = JSON.parse(String(data));
      const id = idIn(answer);
      const publishing = id === undefined ? undefined : waiting.get(id);
      if (id === undefined || publishing === undefined) return;
      waiting.delete(id);
      try {
        errand.acknowledged(publishing, offsetIn(answer));
        write();
      } catch (thrown) {
        reject(thrown);
      }
    };
    socket.onclose = () => resolve();
  });
}

function writeByUnixSocket(path: string, errand: Errand): Promise<void> {
  const waiting = new Map<number, Publishing>();
  let sent = 0;
  let text = "";
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    const write = (): void => {
      const publishing = errand.next();
      waiting.set(++sent, publishing);
      socket.write(`${JSON.stringify({ action: "sendToChannel", ...publishing, id: sent })}\n`);
    };
    socket.on("connect", () => {
      for (let n = 0; n < atOnce.unixSocket; n++) write();
    });
    socket.on("data", (chunk: Buffer) => {
      const lines = (text + chunk.toString()).split("\n");
      text = lines.pop() ?? "";
      try {
        for (const line of lines) {
          const answer: unknown = JSON.parse(line);
          const id = idIn(answer) ?? 0;
          const publishing = waiting.get(id);
          waiting.delete(id);
          if (publishing !== undefined) errand.acknowledged(publishing, offsetIn(answer));
          write();
        }
      } catch (thrown) {
        reject(thrown);
      }
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve());
  });
}

function idIn(answer: unknown): number | undefined {
  const { id } = answer as { readonly id?: number };
  return id;
}

function offsetIn(answer: unknown): number {
  const { offset } = answer as { readonly offset?: number };
  if (offset === undefined) throw new Error(`Refused: ${JSON.stringify(answer)}`);
  return offset;
}
