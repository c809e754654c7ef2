// `ws` at its best: each publication becomes a frame once, the frames of a turn are joined once, and every client's
// socket gets them in one write, past `ws`'s own sender.
import { Sender, WebSocketServer } from "ws";
import { channelOf, httpServer, serve } from "./feed.mjs";

/** @typedef {{ members: Set<import("node:net").Socket>, frames: Buffer[] }} Channel */
/** @type {Map<string, Channel>} */
const channels = new Map();
/** @type {Set<Channel>} */
const owing = new Set();

/** @param {{ channel: string }} publication */
function publish(publication) {
  const channel = channels.get(publication.channel);
  if (channel === undefined) return;
  const text = Buffer.from(JSON.stringify(publication));
  channel.frames.push(
    ...Sender.frame(text, { fin: true, rsv1: false, opcode: 1, mask: false, readOnly: true, generateMask: undefined }),
  );
  if (owing.size === 0) setImmediate(flush);
  owing.add(channel);
}

function flush() {
  for (const channel of owing) {
    const bytes = Buffer.concat(channel.frames);
    channel.frames = [];
    for (const socket of channel.members) socket.write(bytes);
  }
  owing.clear();
}

const server = httpServer(publish);
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
sockets.on("connection", (client, request) => {
  const name = channelOf(request.url);
  const channel = channels.get(name) ?? { members: new Set(), frames: [] };
  channels.set(name, channel);
  const { socket } = request;
  channel.members.add(socket);
  client.on("error", () => client.terminate());
  client.on("close", () => {
    channel.members.delete(socket);
    if (channel.members.size === 0) channels.delete(name);
  });
});
serve(server, publish);
