// A page served by the board itself, with a switch that all browsers see move: docs/espruino.md.
var wifi = require("Wifi");
var on = false;
var open = [];

var page =
  "<!doctype html><meta name=viewport content='width=device-width'><title>Lamp</title>" +
  "<button id=lamp>-</button><script>" +
  "var ws, lamp = document.getElementById('lamp');" +
  "function connect() {" +
  "  ws = new WebSocket('ws://' + location.host + '/lamp');" +
  "  ws.onmessage = function (e) { lamp.textContent = JSON.parse(e.data).on ? 'on' : 'off'; };" +
  "  ws.onclose = function () { lamp.textContent = '-'; setTimeout(connect, 2000); };" +
  "}" +
  "lamp.onclick = function () { ws.send('toggle'); }; connect();</script>";

function tell(ws) {
  ws.send({ on: on });
}

var server = require("hearthwire").createServer(
  function (req, res) {
    res.writeHead(200, { "Content-Type": "text/html; charset=utf-8" });
    res.end(page);
  },
  { origin: true } // pages of this board alone
);

server.on("websocket", function (ws) {
  open.push(ws);
  ws.on("message", function () {
    on = !on;
    digitalWrite(LED1, on);
    open.forEach(tell);
  });
  ws.on("close", function () {
    open.splice(open.indexOf(ws), 1);
  });
  tell(ws);
});

wifi.connect("my network", { password: "its password" }, function (error) {
  if (error) return console.log("No network: " + error);
  server.listen(80);
  console.log("http://" + wifi.getIP().ip + "/");
});
