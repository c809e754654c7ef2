/** Peers of raw byte streams, of whatever kind of socket. */
import type { Socket } from "bun";
import type { Framing, Log, MaybePromise, Payload, StreamInlet, StreamOutlet, StreamProtocol } from "../ports.ts";
import { joinBytes } from "./stream.ts";

export interface StreamServing {
  /** While it is only promised, peers wait, and nothing of theirs is read. */
  readonly protocol: MaybePromise<StreamProtocol>;
  /** The address that peers are known by. */
  readonly where: string;
  readonly log: Log;
}

const rawFraming: Framing = { name: "raw", frame: (text) => text, join: joinBytes };

/** One connection, with the bytes that the kernel has not taken. */
export class StreamPeer implements StreamOutlet {
  readonly framing = rawFraming;
  readonly address: string;
  readonly hears = false;
  inlet: StreamInlet | undefined;
  gone = false;
  readonly #socket: Socket<StreamPeer>;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #ending = false;

  constructor(socket: Socket<StreamPeer>, address: string) {
    this.#socket = socket;
    this.address = address;
  }

  queued(): number {
    return this.#waitingBytes;
  }

  write({ parts }: Payload): boolean {
    for (const part of parts) {
      if (typeof part === "string") continue;
      const taken = this.#waitingBytes > 0 ? 0 : this.#give(part);
      if (taken === part.length) continue;
      this.#waiting.push(part.subarray(taken));
      this.#waitingBytes += part.length - taken;
    }
    return this.#waitingBytes === 0;
  }

  ping(): void {
    // A byte stream has no sign of life of its own.
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(_code: number, _reason: string, abrupt: boolean): void {
    this.#ending = true;
    if (abrupt) this.#socket.terminate();
    else if (this.#waitingBytes === 0) this.#socket.end();
  }

  /** The kernel has room again. */
  drain(): void {
    while (this.#waitingBytes > 0) {
      const part = this.#waiting[0];
      if (part === undefined) break;
      const taken = this.#give(part);
      this.#waitingBytes -= taken;
      if (taken < part.length) {
        this.#waiting[0] = part.subarray(taken);
        return;
      }
      this.#waiting.shift();
    }
    if (this.#ending) this.#socket.end();
    else this.inlet?.drained();
  }

  /** How much of it the kernel took. */
  #give(part: Uint8Array): number {
    return Math.max(0, this.#socket.write(part));
  }
}

/** What becomes of the connections of a listener. `where` is for the log. */
export function streamHandlers({ protocol: given, where, log }: StreamServing): Bun.SocketHandler<StreamPeer> {
  let protocol = given instanceof Promise ? undefined : given;
  const promised = Promise.resolve(given).then((kept) => {
    protocol = kept;
    return kept;
  });
  // Without it there is no gateway, and who began to listen hears of it.
  promised.catch(() => undefined);
  return {
    open(socket) {
      const peer = new StreamPeer(socket, where);
      socket.data = peer;
      if (protocol !== undefined) peer.inlet = protocol.connect(peer);
      else {
        socket.pause();
        promised.then(
          (kept) => {
            if (peer.gone) return;
            peer.inlet = kept.connect(peer);
            socket.resume();
          },
          () => socket.terminate(),
        );
      }
    },
    data(socket, bytes) {
      socket.data.inlet?.bytes(bytes);
    },
    end(socket) {
      socket.data.inlet?.halfClosed();
    },
    drain(socket) {
      socket.data.drain();
    },
    close(socket) {
      const { inlet } = socket.data;
      socket.data.inlet = undefined;
      socket.data.gone = true;
      inlet?.ended();
    },
    // Also what a handler threw: it costs this peer, and nobody else.
    error(socket, error) {
      log.error({ err: error, where }, "Cannot serve a peer of a byte stream");
      socket.terminate();
    },
  };
}
