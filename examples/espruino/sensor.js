// A sensor that reports every minute and sleeps meanwhile: docs/espruino.md. Waking is a restart, so the program must be saved.
var wifi = require("Wifi");
var hub = require("hearthwire-channels").connect("192.168.0.10", { key: "hw_…" });

function sleep() {
  ESP32.deepSleep(60 * 1000000); // microseconds; on an ESP8266: ESP8266.deepSleep
}

E.on("init", function () {
  wifi.connect("my network", { password: "its password" }, function (error) {
    if (error) return sleep();
    var value = { celsius: E.getTemperature(), battery: analogRead(A0) };
    hub.publish("home/sensors", value, { key: "cellar" }, sleep);
  });
});
