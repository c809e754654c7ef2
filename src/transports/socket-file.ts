/**
 * Files of Unix sockets. A socket is made beside its place with the rights that it shall have, and then put in place in one
 * step, also over that of a process that still listens: nobody who connects meanwhile finds nothing there.
 */
import { lstatSync, renameSync, rmSync } from "node:fs";

/** What an address of a Unix socket has room for (sockaddr_un), without its last byte. */
const longestPath = 107;

/**
 * Binds with `bind`, which is given where to, so that the file has `mode` from its first moment; `ready` may change its
 * owner before anybody sees it. The answer removes the file, unless it is another's by then.
 */
export function bindSocketFile<Server extends { stop(abrupt: boolean): unknown }>(
  path: string,
  mode: number,
  bind: (draft: string) => Server,
  ready: (draft: string) => void = () => undefined,
): { readonly server: Server; readonly remove: () => void } {
  // Bun removes this name, and not that of the place, when the server stops.
  const draft = `${path}.${process.pid}`;
  if (Buffer.byteLength(draft) > longestPath) {
    throw new Error(`Cannot listen on ${path}: a socket's path has at most ${longestPath} bytes, with .${process.pid}`);
  }
  // A process of the same number may have left it.
  rmSync(draft, { force: true });
  const server = withMode(mode, () => bind(draft));
  try {
    ready(draft);
    const { ino } = lstatSync(draft);
    renameSync(draft, path);
    return { server, remove: () => removeOwn(path, ino) };
  } catch (thrown) {
    server.stop(true);
    throw thrown;
  }
}

/** The file's mode comes from the umask at the moment of listening, which is synchronous. */
function withMode<Result>(mode: number, bind: () => Result): Result {
  const before = process.umask(0o777 & ~mode);
  try {
    return bind();
  } finally {
    process.umask(before);
  }
}

function removeOwn(path: string, ino: number): void {
  // One that a newer process has put there is its own to remove.
  if (lstatSync(path, { throwIfNoEntry: false })?.ino === ino) rmSync(path, { force: true });
}
