// `ws` as its README shows broadcasting: the text is made once, and each client's `send` frames and writes it.
import { WebSocket, WebSocketServer } from "ws";
import { channelOf, httpServer, serve } from "./feed.mjs";

/** @type {Map<string, Set<WebSocket>>} */
const channels = new Map();

/** @param {{ channel: string }} publication */
function publish(publication) {
  const text = JSON.stringify(publication);
  for (const client of channels.get(publication.channel) ?? []) {
    if (client.readyState === WebSocket.OPEN) client.send(text);
  }
}

const server = httpServer(publish);
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
sockets.on("connection", (client, request) => {
  const name = channelOf(request.url);
  const members = channels.get(name) ?? new Set();
  channels.set(name, members.add(client));
  client.on("error", () => client.terminate());
  client.on("close", () => {
    members.delete(client);
    if (members.size === 0) channels.delete(name);
  });
});
serve(server, publish);
