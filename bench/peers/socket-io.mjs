// Socket.IO as its documentation shows it: a room per channel, `to(room).emit`. WebSocket only, so that nothing is spent on
// its polling handshake.
import { Server } from "socket.io";
import { channelOf, httpServer, serve } from "./feed.mjs";

/** @type {Server | undefined} */
let io;

/** @param {{ channel: string }} publication */
function publish(publication) {
  io?.to(publication.channel).emit("publication", publication);
}

const server = httpServer(publish);
io = new Server(server, { transports: ["websocket"], serveClient: false });
io.on("connection", (socket) => {
  socket.join(channelOf(socket.request.url));
});
serve(server, publish);
