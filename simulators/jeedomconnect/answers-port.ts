/** How the plugin brings answers to its daemon, on a port of this machine: one JSON object each, ended by the end of the connection. */
import type { TCPSocketListener } from "bun";

/** False: nobody took it. */
export async function tellPort(port: number, text: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  let left = Buffer.from(text);
  const write = (socket: Bun.Socket<undefined>): void => {
    left = left.subarray(socket.write(left));
    if (left.length === 0) socket.end();
  };
  const socket = { open: write, drain: write, close: () => resolve(left.length === 0), error: () => resolve(false) };
  const handlers = { ...socket, data: () => undefined, connectError: () => resolve(false) };
  Bun.connect({ hostname: "127.0.0.1", port, socket: handlers }).catch(() => resolve(false));
  return promise;
}

/** The daemon's end, at any free port. */
export function listenForAnswers(heard: (text: string) => void): TCPSocketListener<{ text: string }> {
  return Bun.listen<{ text: string }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { text: "" };
      },
      data(socket, chunk) {
        socket.data.text += chunk.toString();
      },
      end: ({ data }) => heard(data.text),
    },
  });
}
