// A button that publishes every press: docs/espruino.md.
var wifi = require("Wifi");
var hub = require("hearthwire-channels").connect("192.168.0.10", { key: "hw_…" });

function pressed() {
  hub.publish("home/button", { pressed: true }, function (error) {
    if (error) console.log("Not published: " + error.message);
  });
}

wifi.connect("my network", { password: "its password" }, function (error) {
  if (error) return console.log("No network: " + error);
  setWatch(pressed, BTN1, { edge: "rising", debounce: 50, repeat: true });
  console.log("Ready");
});
