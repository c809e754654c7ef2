// Tells whether the module works on this board, with this firmware: docs/espruino.md. It needs a network, if only its own.
var WebSocket = require("hearthwire");
var text = "caf\xe9 {" + new Array(300).join("x") + "}";
var heard = 0;

var server = WebSocket.createServer(function (req, res) {
  res.end("page");
});
server.on("websocket", function (ws) {
  ws.on("message", function (message) {
    ws.send(message);
    ws.send({ again: message });
  });
});
server.listen(8123);

var ws = new WebSocket("127.0.0.1", { port: 8123, keepAlive: 1 });
ws.on("error", print);
ws.on("open", function () {
  ws.send(text);
});
ws.on("message", function (message) {
  heard++;
  if (heard === 1 && message !== text) print("Wrong: " + message);
  if (heard === 2 && JSON.parse(message).again !== text) print("Wrong JSON: " + message);
});
ws.on("pong", function () {
  print(heard === 2 ? "All is well" : "Heard " + heard + " messages of 2");
  ws.close();
});
