/** Every kind of listener by TLS: what is open goes on while its certificate is renewed, and nobody who comes meanwhile is lost. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { protocolNames } from "../../src/config/listeners.ts";
import { Home, type RunningCommand, type Serving } from "../cli/command-line.ts";
import { copyCertificate, dialTls, makeCertificate, nameAt, oldTlsAt } from "../tls.ts";
import { clientFrame, httpAnswer, opcodes, serverFrames, until, upgradeHead } from "../transports/raw-client.ts";

setDefaultTimeout(60_000);

/** Where a WebSocket of each is, and what its handshake needs. */
const places: Readonly<Record<(typeof protocolNames)[number] | "main", { path: string; headers?: string[] }>> = {
  main: { path: "/channels/demo/x" },
  "channel-url": { path: "/channels/demo/x" },
  centrifuge: { path: "/connection/websocket" },
  "unix-socket": { path: "/?api_key=1" },
  deconz: { path: "/" },
  espruino: { path: "/" },
  jeedom: { path: "/" },
  jeedomconnect: { path: "/" },
};
const kinds = Object.keys(places);

/** What goes over a connection, both ways. */
class Peer {
  #read = Buffer.alloc(0);
  closed = false;
  readonly #socket: TLSSocket;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on("data", (data: Buffer) => {
      this.#read = Buffer.concat([this.#read, data]);
    });
    socket.on("close", () => {
      this.closed = true;
    });
    socket.on("error", () => undefined);
  }

  async asks(what: string | Uint8Array, isAnswer: (bytes: Buffer) => boolean): Promise<Buffer> {
    this.#read = Buffer.alloc(0);
    this.#socket.write(what);
    await until(() => isAnswer(this.#read) || this.closed, `an answer, not ${this.#read.toString()}`);
    return this.#read;
  }

  async opens(path: string, headers: readonly string[] = []): Promise<void> {
    const bytes = await this.asks(upgradeHead(path, headers), (read) => httpAnswer(read) !== undefined);
    expect(httpAnswer(bytes)?.status).toBe(101);
  }

  /** Whether the other side hears it and is heard. */
  async pings(): Promise<boolean> {
    const isPong = ({ opcode, payload }: { opcode: number; payload: Buffer }): boolean =>
      opcode === opcodes.pong && payload.toString() === "still there";
    const bytes = await this.asks(clientFrame(opcodes.ping, "still there"), (read) => serverFrames(read).some(isPong));
    return serverFrames(bytes).some(isPong);
  }

  /** The status of a request that says nothing about the connection. */
  async requests(): Promise<number | undefined> {
    const head = "GET /nowhere/at/all HTTP/1.1\r\nHost: localhost\r\n\r\n";
    return httpAnswer(await this.asks(head, (read) => httpAnswer(read)?.complete === true))?.status;
  }

  leave(): void {
    this.#socket.destroy();
  }
}

const home = new Home();
const used = { cert: join(home.folder, "used.pem"), key: join(home.folder, "used.key") };
const [first, second, third] = ["first", "second", "third"].map((name) => makeCertificate(home.folder, name));
let command: RunningCommand;
const ports = new Map<string, number>();

const tls = `tls: { cert: ${used.cert}, key: ${used.key} }`;
const special: Readonly<Record<string, string>> = {
  "unix-socket": ", anonymous: { devices: true }",
  jeedom: ", require_origin: false, auth_delay: 60s",
};
const configuration = `
listen: 127.0.0.1:0
${tls}
unix_socket: false
anonymous: { subscribe: [demo/**], publish: [demo/**] }
limits: { unauthenticated: 60s }
bridges:
  deconz: { type: deconz, url: "http://127.0.0.1:9", key: none }
  jeedom: { type: jeedom, url: "http://127.0.0.1:9", key: none }
  jc: { type: jeedomconnect, url: "http://127.0.0.1:9", key: none, socket_port: false }
listeners:
${protocolNames.map((name) => `  - { listen: "127.0.0.1:0", protocol: ${name}, ${tls}${special[name] ?? ""} }`).join("\n")}
`;

beforeAll(async () => {
  if (first === undefined) throw new Error("no certificate");
  copyCertificate(first, used);
  const file = join(home.folder, "house.yaml");
  writeFileSync(file, configuration);
  command = home.spawn(["serve", "--json", "--config", file, "--data", home.data]);
  await command.until(() => command.lines.length > 0);
  const { addresses } = JSON.parse(command.lines[0] ?? "") as Serving;
  for (const { url, protocol = "main" } of addresses) {
    expect(url).toStartWith(protocol === "espruino" ? "wss://localhost:" : "https://localhost:");
    ports.set(protocol, Number(new URL(url).port));
  }
});
afterAll(() => home.clear());

function portOf(kind: string): number {
  return ports.get(kind) ?? 0;
}

/** Renews the certificate, and waits until all take it up. */
async function renew(files: typeof used | undefined): Promise<void> {
  if (files === undefined) throw new Error("no certificate");
  const count = (): number => command.stderr.split("A renewed certificate is in use").length - 1;
  const before = count();
  copyCertificate(files, used);
  command.signal("SIGHUP");
  await command.until(() => count() === before + kinds.length);
}

test("there is one listener for every protocol that there is", () => {
  expect([...ports.keys()].sort()).toEqual([...kinds].sort());
  expect(kinds.toSorted()).toEqual(["main", ...protocolNames].toSorted());
});

test.each(kinds)("TLS 1.2 and 1.3 are spoken, and nothing older: %s", async (kind) => {
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const socket = await dialTls(portOf(kind), { minVersion: version, maxVersion: version });
    expect(socket.getProtocol()).toBe(version);
    socket.destroy();
  }
  expect(oldTlsAt(portOf(kind))).toContain("alert protocol version");
});

describe("when its certificate is renewed", () => {
  const open = new Map<string, { readonly socket: Peer; readonly idle: Peer; readonly fresh: Peer }>();
  const others = kinds.filter((kind) => kind !== "espruino");
  const of = (kind: string) => open.get(kind) ?? { socket: undefined, idle: undefined, fresh: undefined };

  beforeAll(async () => {
    for (const [kind, { path, headers }] of Object.entries(places)) {
      const [socket, idle, fresh] = await Promise.all([1, 2, 3].map(async () => new Peer(await dialTls(portOf(kind)))));
      if (socket === undefined || idle === undefined || fresh === undefined) throw new Error("not connected");
      await socket.opens(path, headers);
      expect([kind, await socket.pings()]).toEqual([kind, true]);
      if (kind !== "espruino") expect(await idle.requests()).toBeGreaterThanOrEqual(200);
      open.set(kind, { socket, idle, fresh });
      expect(await nameAt(portOf(kind))).toBe("first");
    }
    await renew(second);
  });
  afterAll(() => {
    for (const { socket, idle, fresh } of open.values()) for (const peer of [socket, idle, fresh]) peer.leave();
  });

  test.each(kinds)("whoever comes is shown the new one: %s", async (kind) => {
    for (let visit = 0; visit < 5; visit++) expect(await nameAt(portOf(kind))).toBe("second");
  });

  test.each(kinds)("an open WebSocket goes on: %s", async (kind) => {
    expect(await of(kind).socket?.pings()).toBeTrue();
  });

  test.each(others)(
    "a connection that was idle is answered, and so is one that had asked nothing yet: %s",
    async (kind) => {
      const { idle, fresh } = of(kind);
      expect(idle?.closed).toBeFalse();
      const answered = await idle?.requests();
      expect(answered).toBeGreaterThanOrEqual(200);
      expect(await fresh?.requests()).toBe(answered);
      // It was told so with the answer, and comes back by the new certificate.
      await until(() => idle?.closed === true, "the end of the idle connection");
    },
  );

  test("files that do not belong together leave the one in use, and say so", async () => {
    if (first === undefined) throw new Error("no certificate");
    copyCertificate({ cert: first.cert, key: second?.key ?? "" }, used);
    command.signal("SIGHUP");
    await command.until(() => command.stderr.includes("Nothing was changed"));
    expect(command.stderr).toContain(`Cannot use ${used.cert} for TLS: the key in ${used.key} is not its own`);
    for (const kind of kinds) expect([kind, await nameAt(portOf(kind))]).toEqual([kind, "second"]);
  });

  test("a stream of visitors and of idle connections loses nothing over several renewals", async () => {
    let over = false;
    const seen = { answers: 0, lost: 0 };
    const note = (status: number | undefined): void => {
      if (status === undefined) seen.lost++;
      else seen.answers++;
    };
    const visits = async (): Promise<void> => {
      while (!over) {
        const peer = await dialTls(portOf("main"))
          .then((socket) => new Peer(socket))
          .catch(() => undefined);
        note(await peer?.requests());
        peer?.leave();
      }
    };
    const stays = async (): Promise<void> => {
      let peer: Peer | undefined;
      while (!over) {
        if (peer === undefined || peer.closed) peer = new Peer(await dialTls(portOf("main")));
        note(await peer.requests());
        await Bun.sleep(5 + Math.random() * 20);
      }
      peer?.leave();
    };
    const all = [visits(), visits(), stays(), stays(), stays()];
    for (const files of [third, first, second, third]) {
      await renew(files);
      for (let visit = 0; visit < 20; visit++) {
        expect(await nameAt(portOf("main"))).toBe(files === third ? "third" : files === first ? "first" : "second");
      }
    }
    await until(() => seen.answers > 200, "answers", 20_000);
    over = true;
    await Promise.all(all);
    expect(seen.lost).toBe(0);
  });
});
