import { describe, expect, test } from "bun:test";
import { deconzPolicy } from "../../src/config/policies.ts";
import { settingsOf } from "../../src/config/settings.ts";
import { faultOf, parse } from "./parsing.ts";

const house = "bridges:\n  house: { type: deconz, url: http://192.168.1.10, key: 0A1B2C3D4E }\n";

describe("A bridge", () => {
  test("has its key, a file that has it, or neither", () => {
    expect(parse(house).bridges.get("house")).toEqual({
      type: "deconz",
      url: "http://192.168.1.10",
      key: "0A1B2C3D4E",
    });
    const read = (): string => "FROMFILE\n";
    const text = house.replace("key: 0A1B2C3D4E", "key_file: house.key");
    expect(parse(text, { read }).bridges.get("house")?.key).toBe("FROMFILE");
    expect(parse(house.replace(", key: 0A1B2C3D4E", "")).bridges.get("house")?.key).toBeUndefined();
  });

  test("has a name of one level, a known type and a URL", () => {
    expect(faultOf(house.replace("  house", "  a/b"))).toContain("must be a name");
    expect(faultOf(house.replace("deconz", "deconc"))).toContain("bridges.house.type");
    expect(faultOf(house.replace("http://192.168.1.10", "192.168.1.10"))).toContain("must be a URL");
  });

  test("publishes on channels whose kinds nobody chooses; what else is said of them holds", () => {
    const settings = settingsOf(
      parse(`${house}channels:\n  house/lights: { durable: true }\n  house/events: { kind: map }\n`),
    );
    expect(settings("house/lights")).toMatchObject({ kind: "map", durable: "yes", queue: "latest" });
    expect(settings("house/sensors")).toMatchObject({ kind: "map", durable: "no" });
    expect(settings("house/events")).toMatchObject({ kind: "stream", queue: "disconnect" });
    expect(settings("house/other")).toMatchObject({ kind: "stream", history: { size: 100 } });
    expect(settings("$bridges/house")).toMatchObject({ kind: "map" });
  });
});

describe("A place that speaks deconz", () => {
  const listener = (more: string): string => `listeners:\n  - { listen: "127.0.0.1:80", protocol: deconz${more} }\n`;

  test("serves the bridge that it names, or the only one", () => {
    parse(house + listener(""));
    const two = `${house}  second: { type: deconz, url: http://192.168.1.11 }\n`;
    expect(faultOf(two + listener(""))).toContain("name a bridge of type deconz by `bridge`");
    parse(two + listener(", bridge: second"));
    expect(faultOf(two + listener(", bridge: third"))).toContain('there is no bridge "third"');
    expect(faultOf(listener(""))).toContain("Cannot tell which gateway");
  });

  test("is open to private networks, for the channels of its bridge, unless it is said otherwise", () => {
    const config = parse(house);
    const { openTo, anonymous } = deconzPolicy(config, config.protocols.deconz);
    expect([openTo.includes("192.168.0.0/16"), openTo.includes("0.0.0.0/0")]).toEqual([true, false]);
    expect(anonymous).toEqual({ subscribe: ["house/**"] });
    const closed = parse(`${house}protocols: { deconz: { open_to: ["::1"], anonymous: {} } }\n`);
    expect(deconzPolicy(closed, closed.protocols.deconz)).toMatchObject({ openTo: ["::1"], anonymous: {} });
  });

  test("has its WebSocket on the same port, a named one, or one that is looked for", () => {
    for (const port of ["shared", "auto", 8088]) parse(house + listener(`, ws_port: ${port}`));
    expect(faultOf(house + listener(", ws_port: 0"))).toContain("ws_port");
  });
});

describe("A bridge to JeedomConnect", () => {
  const bridges = (more: string): string =>
    `bridges:\n  box: { type: jeedom, url: http://192.168.1.20 }\n  jc: { type: jeedomconnect, url: http://192.168.1.20${more} }\n`;

  test("hears of what happens by a bridge of type jeedom, which must be there", () => {
    parse(bridges(""));
    parse(bridges(", jeedom: box, socket_port: false"));
    expect(faultOf(bridges(", jeedom: other"))).toContain('there is no bridge "other" of type jeedom');
    expect(faultOf(bridges(", jeedom: jc"))).toContain('there is no bridge "jc" of type jeedom');
  });
});

describe("A place that speaks jeedom", () => {
  const jeedom = "bridges:\n  box: { type: jeedom, url: http://192.168.1.20 }\n";
  const listener = (more: string): string => `listeners:\n  - { listen: "0.0.0.0:8090", protocol: jeedom${more} }\n`;

  test("serves the bridge that it names, or the only one of its type", () => {
    parse(jeedom + listener(""));
    parse(jeedom + listener(", bridge: box"));
    expect(faultOf(jeedom + listener(", bridge: other"))).toContain('there is no bridge "other" of type jeedom');
    expect(faultOf(house + listener(""))).toContain("Cannot tell which Jeedom `listeners[0]` serves");
  });

  test("takes hosts as a list or as text with commas, and delays in seconds as the plugin has them", () => {
    const { listeners } = parse(jeedom + listener(', allowed_hosts: "a, b", auth_delay: 1, read_delay: 2s'));
    expect(listeners[0]).toMatchObject({ allowed_hosts: "a, b", auth_delay: 1000, read_delay: 2000 });
    parse(jeedom + listener(", allowed_hosts: [a, b], require_origin: false, rights: all"));
    expect(faultOf(jeedom + listener(", rights: none"))).toContain("rights");
    expect(faultOf(jeedom + listener(", auth_delay: 0"))).toContain("auth_delay");
    expect(faultOf(jeedom + listener(", open_to: [127.0.0.1]"))).toContain(
      "Cannot use `listeners[0].open_to`: clients of the protocol jeedom all show a key",
    );
    expect(faultOf(jeedom + listener(", anonymous: { subscribe: [x] }"))).toContain("listeners[0].anonymous");
  });
});

test("A listener for phones of JeedomConnect refuses what is said of clients without a key: it has none", () => {
  const phones = (more: string): string => `
bridges: { jc: { type: jeedomconnect, url: "http://192.168.1.2", key: secret } }
listeners: [{ listen: 0.0.0.0:8090, protocol: jeedomconnect${more} }]
`;
  parse(phones(""));
  for (const more of ["open_to: [127.0.0.1]", "anonymous: { subscribe: [x] }"]) {
    const [option] = more.split(":");
    expect(faultOf(phones(`, ${more}`))).toContain(`Cannot use \`listeners[0].${option}\`: phones`);
  }
});
