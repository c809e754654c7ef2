// What the peers have in common: the same commands by Unix socket and POST as the gateway takes, and the same envelope.
import { createServer } from "node:http";
import { createServer as createSocketServer } from "node:net";

const [port, socketPath] = process.argv.slice(2);
const run = "Zk3vQ8pX";
const offsets = new Map();
let seq = 0;

/** The publication as the gateway words it. @param {string} channel @param {unknown} data */
export function publicationOf(channel, data) {
  const offset = (offsets.get(channel) ?? 0) + 1;
  offsets.set(channel, offset);
  return { channel, offset, data, time: Date.now(), cursor: `${run}.${(++seq).toString(36)}` };
}

/** The channel that a subscriber's URL names. @param {string | undefined} url */
export function channelOf(url) {
  const { pathname, searchParams } = new URL(url ?? "/", "http://localhost");
  return searchParams.get("channel") ?? pathname.replace("/channels/", "");
}

/**
 * Serves HTTP with `POST /channels/<name>`, and the Unix socket; says when it is ready.
 * @param {import("node:http").Server} server @param {(publication: ReturnType<typeof publicationOf>) => void} publish
 */
export function serve(server, publish) {
  const feed = createSocketServer((socket) => {
    let rest = "";
    socket.setEncoding("utf8");
    socket.on("error", () => socket.destroy());
    socket.on("data", (/** @type {string} */ chunk) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      const commands = lines.map((line) => JSON.parse(line));
      // Answered first and in one write, so that the publisher has its next batch ready when this one has gone out.
      socket.write("OK".repeat(commands.length));
      for (const { channel, data } of commands) publish(publicationOf(channel, data));
    });
  });
  feed.listen(socketPath, () => {
    server.listen(Number(port), "127.0.0.1", 4096, () => console.log("ready"));
  });
  // Memory is measured after a collection; Node does none while it idles.
  process.on("SIGUSR2", () => globalThis.gc?.());
  // The runner holds our stdin: when it is gone, so are we.
  process.stdin.resume().on("end", () => process.exit(0));
}

/** An HTTP server that takes publications. @param {(publication: ReturnType<typeof publicationOf>) => void} publish */
export function httpServer(publish) {
  return createServer((request, response) => {
    if (request.method !== "POST") {
      response.writeHead(404).end();
      return;
    }
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      const publication = publicationOf(channelOf(request.url), JSON.parse(body));
      publish(publication);
      const { channel, offset } = publication;
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ channel, offset, epoch: run }));
    });
  });
}
