// A light that obeys: docs/espruino.md. `home/lights` is a map, so it knows at once what it is to be, also after a power cut.
var wifi = require("Wifi");
var hub = require("hearthwire-channels").connect("192.168.0.10", { key: "hw_…" });

hub.on("error", function (error) {
  console.log(error.message || error);
});

wifi.connect("my network", { password: "its password" }, function (error) {
  if (error) return console.log("No network: " + error);
  hub.subscribe("home/lights", function (data, publication) {
    if (publication.key === "desk") digitalWrite(LED1, !publication.removed && data.on);
  });
});
