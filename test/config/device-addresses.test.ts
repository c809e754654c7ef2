import { describe, expect, test } from "bun:test";
import { addressesOf } from "../../src/config/device-addresses.ts";
import { parseConfig } from "../../src/config/load.ts";

const addresses = (yaml: string, lan: string | undefined = "192.168.1.5") =>
  addressesOf(parseConfig({ text: `data: /tmp\n${yaml}` }), lan);
const at = (host: string, secure = "") => ({ http: `http${secure}://${host}`, websocket: `ws${secure}://${host}` });

describe("Addresses for devices", () => {
  test.each([
    ["listen: ':8642'", { internal: at("192.168.1.5:8642") }],
    ["listen: 0.0.0.0:80", { internal: at("192.168.1.5:80") }],
    ["listen: '[::]:80'", { internal: at("192.168.1.5:80") }],
    ["listen: 10.1.2.3:80", { internal: at("10.1.2.3:80") }],
    ["listen: hub.home:80", { internal: at("hub.home:80") }],
    ["listen: '[fd00::5]:80'", { internal: at("[fd00::5]:80") }],
    ["listen: ':443'\ntls: { cert: /a, key: /b }", { internal: at("192.168.1.5:443", "s") }],
  ])("with %s are those of this machine in the house", (yaml, expected) => {
    expect(addresses(yaml)).toEqual(expected);
  });

  test.each(["listen: 127.0.0.1:8642", "listen: '[::1]:8642'", "listen: localhost:8642"])(
    "with %s are none: nobody reaches loopback",
    (yaml) => {
      expect(addresses(yaml)).toEqual({});
    },
  );

  test("of a machine that is in no network are none", () => {
    expect(addressesOf(parseConfig({ text: "data: /tmp\nlisten: ':1'" }), undefined)).toEqual({});
  });

  test("from outside are those of public_url, with its path", () => {
    const { external } = addresses("public_url: https://push.example.org/house/");
    expect(external).toEqual(at("push.example.org/house", "s"));
  });

  test("are those that are given, and one form of them gives the other", () => {
    const yaml = `listen: ':1'
public_url: https://other.example.org
addresses:
  internal: { websocket: "wss://hub:2" }
  external: { http: "https://a.example.org", websocket: "wss://b.example.org" }`;
    expect(addresses(yaml)).toEqual({
      internal: at("hub:2", "s"),
      external: { http: "https://a.example.org", websocket: "wss://b.example.org" },
    });
  });
});
