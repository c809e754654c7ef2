/** WebSockets of Bun's server: each frame a text message, all of a turn in one write. */
import type { ServerWebSocket } from "bun";
import { abnormalClosure } from "../core/refusals.ts";
import type { Framing, Inlet, Outlet, Payload } from "../ports.ts";

export const webSocketFraming: Framing = {
  name: "websocket",
  frame: (text) => text,
  join(frames) {
    let bytes = 0;
    for (const frame of frames) bytes += frame.length;
    return { parts: frames, bytes };
  },
};

/** What may be kept for some seconds of a peer that was ended because it does not read, in bytes. */
const mostKept = 256 * 1024;

// What `sendParts` sends, and to whom: one function for all connections instead of a closure for each write.
let corkedSocket: ServerWebSocket<WebSocketOutlet> | undefined;
let corkedParts: Payload["parts"] = [];
function sendParts(): void {
  const socket = corkedSocket;
  if (socket === undefined) return;
  for (const part of corkedParts) {
    // `send` would find out anew for each frame what it was given.
    if (typeof part === "string") socket.sendText(part);
    else socket.sendBinary(part);
  }
}

export class WebSocketOutlet implements Outlet {
  readonly address: string;
  inlet: Inlet | undefined;
  socket: ServerWebSocket<WebSocketOutlet> | undefined;

  constructor(address: string) {
    this.address = address;
  }

  get framing(): Framing {
    return webSocketFraming;
  }

  get hears(): boolean {
    return true;
  }

  queued(): number {
    return this.socket?.getBufferedAmount() ?? 0;
  }

  write({ parts }: Payload): boolean {
    const { socket } = this;
    if (socket === undefined) return true;
    const only = parts[0];
    // The answer of a single `send` is -1 when the kernel did not take it; within a cork nothing is known before the end.
    if (parts.length === 1 && only !== undefined) {
      return (typeof only === "string" ? socket.sendText(only) : socket.send(only)) !== -1;
    }
    corkedSocket = socket;
    corkedParts = parts;
    socket.cork(sendParts);
    corkedSocket = undefined;
    corkedParts = [];
    return socket.getBufferedAmount() === 0;
  }

  ping(): void {
    this.socket?.ping();
  }

  end(code: number, reason: string, abrupt: boolean): void {
    // A peer that reads on within the few seconds that the server keeps its socket hears why it was ended.
    if (code === abnormalClosure || (abrupt && this.queued() > mostKept)) this.socket?.terminate();
    else this.socket?.close(code, reason);
  }
}

/** Bun's handlers for all WebSockets of a listener. */
export function webSocketHandlers(maxMessage: number): Bun.WebSocketHandler<WebSocketOutlet> {
  return {
    // Heartbeats are the sessions' own; a queue is limited by its session, which stops writing at the first sign of lag.
    idleTimeout: 0,
    sendPings: false,
    perMessageDeflate: false,
    maxPayloadLength: maxMessage,
    backpressureLimit: 2 ** 31 - 1,
    closeOnBackpressureLimit: false,
    open(socket) {
      socket.data.socket = socket;
    },
    message(socket, data) {
      socket.data.inlet?.message(data);
    },
    ping(socket) {
      socket.data.inlet?.alive();
    },
    pong(socket) {
      socket.data.inlet?.alive();
    },
    drain(socket) {
      if (socket.getBufferedAmount() === 0) socket.data.inlet?.drained();
    },
    close(socket, code, reason) {
      const { inlet } = socket.data;
      socket.data.socket = undefined;
      socket.data.inlet = undefined;
      inlet?.ended(code, reason);
    },
  };
}
