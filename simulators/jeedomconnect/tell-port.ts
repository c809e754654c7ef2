/** How the plugin brings an answer to a port of this machine: one JSON object, ended by the end of the connection. */

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
