import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../../src/config/faults.ts";
import { loadConfig } from "../../src/config/load.ts";
import { parse } from "./parsing.ts";

describe("Without a configuration file", () => {
  const config = parse(undefined, { file: undefined });

  test("the gateway listens on loopback only", () => {
    expect(config.listen).toEqual({ host: "127.0.0.1", port: 8642 });
    expect(config.listeners).toEqual([]);
  });

  test("nothing is anonymous but demo/** and, on loopback, devices", () => {
    expect(config.anonymous).toEqual({ subscribe: ["demo/**"], publish: ["demo/**"], devices: "loopback" });
  });

  test("the data is in the user's state directory", () => {
    expect(config.data).toBe("/home/anna/.local/state/hearthwire");
    expect(parse("", { env: { XDG_STATE_HOME: "/state" } }).data).toBe("/state/hearthwire");
  });

  test("the data is where systemd says, before the user's state directory", () => {
    const env = { STATE_DIRECTORY: "/var/lib/hearthwire:/var/lib/other", XDG_STATE_HOME: "/state" };
    expect(parse("", { env }).data).toBe("/var/lib/hearthwire");
  });

  test("the Unix socket is in the runtime directory, systemd's first, and else beside the data", () => {
    const pathWith = (env: Record<string, string>) => {
      const socket = parse("data: /d", { env }).unix_socket;
      return socket === false ? undefined : socket.path;
    };
    expect(pathWith({ XDG_RUNTIME_DIR: "/run/user/1" })).toBe("/run/user/1/hearthwire.sock");
    const both = { XDG_RUNTIME_DIR: "/run/user/1", RUNTIME_DIRECTORY: "/run/hearthwire" };
    expect(pathWith(both)).toBe("/run/hearthwire/hearthwire.sock");
    expect(pathWith({})).toBe("/d/push.sock");
  });
});

describe("Values", () => {
  test("durations are written with a unit or as seconds", () => {
    const drain = (value: string) => parse(`drain: ${value}`).drain;
    expect([drain("250ms"), drain("3s"), drain("1.5m"), drain("1h"), drain("7"), drain('"7"')]).toEqual([
      250, 3000, 90_000, 3_600_000, 7000, 7000,
    ]);
  });

  test("sizes are decimal or binary, or a number of bytes", () => {
    const body = (value: string) => parse(`limits: { publication: 1, body: ${value} }`).limits.body;
    expect([body("64KB"), body("64KiB"), body("1 MiB"), body("2mb"), body("700")]).toEqual([
      64_000, 65_536, 1_048_576, 2_000_000, 700,
    ]);
  });

  test("a mode of a file is octal however it is written", () => {
    for (const mode of ["0640", "640", "0o640", '"0640"']) {
      expect(parse(`unix_socket: { mode: ${mode} }`).unix_socket).toMatchObject({ mode: 0o640 });
    }
  });

  test("an address to listen on is host and port, a port of every interface, or a port of loopback", () => {
    const listen = (value: string) => parse(`listen: ${value}`).listen;
    expect(listen("192.168.1.5:80")).toEqual({ host: "192.168.1.5", port: 80 });
    expect(listen("home.local:80")).toEqual({ host: "home.local", port: 80 });
    expect(listen('"[::1]:80"')).toEqual({ host: "::1", port: 80 });
    expect(listen('":80"')).toEqual({ host: "*", port: 80 });
    expect(listen("80")).toEqual({ host: "127.0.0.1", port: 80 });
  });

  test("the Unix socket can be switched off", () => {
    expect(parse("unix_socket: false", { env: { XDG_RUNTIME_DIR: "/run/user/1" } }).unix_socket).toBe(false);
  });

  test("when `anonymous` names one thing, what it does not name is not allowed", () => {
    expect(parse("anonymous: { subscribe: [home/**] }").anonymous).toEqual({
      subscribe: ["home/**"],
      publish: [],
      devices: false,
    });
  });

  test("a section whose lines are all commented out is as if it were not there", () => {
    expect(parse("limits:\n  # body: 3\nanonymous:\nlog:\n")).toEqual(parse(""));
  });

  test("relative paths of the file count from the file, those of variables and flags from where the command runs", () => {
    expect(parse("data: ../kept").data).toBe("/etc/kept");
    expect(parse("", { env: { HEARTHWIRE_DATA: "kept" } }).data).toBe("/work/kept");
    expect(parse("", { flags: { data: "kept" } }).data).toBe("/work/kept");
    expect(parse("data: ~/kept").data).toBe("/home/anna/kept");
    const tls = parse("listeners: [{ listen: 1, tls: { cert: a.pem, key: /k.pem } }]").listeners[0]?.tls;
    expect(tls).toEqual({ cert: "/etc/hearthwire/a.pem", key: "/k.pem" });
  });

  test("aliases of YAML stand for what they name", () => {
    const text = "channels:\n  a: &kept { history: { size: 7 }, durable: true }\n  b: *kept\n";
    const { channels } = parse(text);
    expect(channels.get("b")).toEqual(channels.get("a"));
  });
});

describe("Where values come from", () => {
  test("flags come before variables, variables before the file, the file before the defaults", () => {
    const text = "limits: { subscriptions: 1, channels: 1, queue: { age: 1 } }";
    const env = { HEARTHWIRE_LIMITS_SUBSCRIPTIONS: "2", HEARTHWIRE_LIMITS_QUEUE_AGE: "2" };
    const { limits } = parse(text, { env, flags: { "limits-queue-age": "3s" } });
    expect([limits.channels, limits.subscriptions, limits.queue.age]).toEqual([1, 2, 3000]);
    expect(limits.body).toBe(parse("").limits.body);
  });

  test("a variable that names one option of a group leaves the others of the file", () => {
    const socket = parse("unix_socket: { mode: 0600, path: /a }", {
      env: { HEARTHWIRE_UNIX_SOCKET_PATH: "/b" },
    }).unix_socket;
    expect(socket).toEqual({ path: "/b", mode: 0o600 });
  });

  test("a list in a variable is written with commas, or as YAML or JSON", () => {
    for (const text of ["https://a.example, https://b.example", '["https://a.example","https://b.example"]']) {
      expect(parse("", { env: { HEARTHWIRE_ORIGINS: text } }).origins).toEqual([
        "https://a.example",
        "https://b.example",
      ]);
    }
    expect(
      parse("origins: ['*']", { flags: { origins: ["https://a.example", "https://b.example"] } }).origins,
    ).toHaveLength(2);
  });

  test("mappings in a variable are YAML or JSON", () => {
    const env = { HEARTHWIRE_CHANNELS: '{"b/*": {"kind": "map"}}', HEARTHWIRE_UNIX_SOCKET: "false" };
    const config = parse("channels: { a: {} }", { env });
    expect([...config.channels.keys()]).toEqual(["a", "b/*"]);
    expect(config.unix_socket).toBe(false);
  });

  test("an empty variable is not set", () => {
    expect(parse("listen: 9000", { env: { HEARTHWIRE_LISTEN: "" } }).listen.port).toBe(9000);
  });

  test("HEARTHWIRE_…_FILE names a file that has the value", () => {
    const read = (path: string) => (path === "/run/secrets/url" ? "https://a.example\n" : "");
    const env = { HEARTHWIRE_PUBLIC_URL_FILE: "/run/secrets/url" };
    expect(parse("", { env, read }).public_url).toBe("https://a.example");
  });

  test("variables of the command line, and those that Kubernetes sets for a service of our name, are no options", () => {
    const env = {
      HEARTHWIRE_CONFIG: "x",
      HEARTHWIRE_URL: "x",
      HEARTHWIRE_KEY: "x",
      HEARTHWIRE_PORT: "tcp://10.0.0.1:80",
      HEARTHWIRE_SERVICE_HOST: "10.0.0.1",
      HEARTHWIRE_PORT_80_TCP_ADDR: "10.0.0.1",
    };
    expect(parse("", { env })).toEqual(parse(""));
  });

  test("the file is read from where it is, or from where HEARTHWIRE_CONFIG says", () => {
    const folder = mkdtempSync(join(tmpdir(), "hearthwire-config-"));
    try {
      const file = join(folder, "house.yaml");
      writeFileSync(file, "listen: 1234\ndata: kept\n");
      expect(loadConfig({ file, env: {} }).listen.port).toBe(1234);
      expect(loadConfig({ env: { HEARTHWIRE_CONFIG: file } }).data).toBe(join(folder, "kept"));
      expect(() => loadConfig({ file: join(folder, "other.yaml"), env: {} })).toThrow(ConfigError);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
