import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { Listeners } from "../../src/assembly/listeners.ts";
import { parseConfig } from "../../src/config/load.ts";
import { type CertificateFiles, CertificateInUse, readCertificate } from "../../src/transports/certificates.ts";
import { listenLeniently } from "../../src/transports/lenient-websocket.ts";
import { Home, type RunningCommand } from "../cli/command-line.ts";
import { FakeClock } from "../fakes/clock.ts";
import { FakeLog } from "../fakes/log.ts";
import { freePort } from "../free-port.ts";
import { copyCertificate, dialTls, makeCertificate, nameAt, oldTlsAt } from "../tls.ts";
import { until } from "../transports/raw-client.ts";

// Several processes start in each of these, one after another.
setDefaultTimeout(60_000);

let home: Home;
beforeEach(() => {
  home = new Home();
});
afterEach(() => home.clear());

const make = (name: string): CertificateFiles => makeCertificate(home.folder, name);

/** A request on a connection that stays. */
function ask(socket: TLSSocket, path: string): Promise<string> {
  socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
  return new Promise((resolve) => socket.once("data", (data) => resolve(data.toString())));
}

describe("a listener with TLS", () => {
  test("takes up a renewed certificate at SIGHUP; open connections stay, and wrong files leave the one in use", async () => {
    const [first, second] = [make("first"), make("second")];
    const used = { cert: join(home.folder, "used.pem"), key: join(home.folder, "used.key") };
    copyCertificate(first, used);
    const { command, port } = await serve("--tls-cert", used.cert, "--tls-key", used.key);
    expect(await nameAt(port)).toBe("first");
    const listening = await dialTls(port);
    listening.write("GET /channels/demo/x HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n");
    const heard = collect(listening);
    await heard((text) => text.includes("event: live"));
    const posting = await dialTls(port);
    posting.write("POST /channels/demo/x HTTP/1.1\r\nhost: localhost\r\ncontent-length: 6\r\n\r\nfir");

    const socket = new WebSocket(`wss://127.0.0.1:${port}/channels/demo/x`, {
      tls: { rejectUnauthorized: false },
    } as never);
    const told: string[] = [];
    socket.onmessage = ({ data }) => told.push(String(data));
    await new Promise((resolve) => {
      socket.onopen = resolve;
    });

    copyCertificate(second, used);
    command.signal("SIGHUP");
    await command.until(() => command.stderr.includes("A renewed certificate is in use"));
    expect(await nameAt(port)).toBe("second");
    expect(listening.getPeerCertificate().subject.CN).toBe("first");
    const answer = new Promise((resolve) => posting.once("data", (data) => resolve(data.toString())));
    posting.write("st!");
    expect(await answer).toContain("200 OK");
    await heard((text) => text.includes("first!"));
    await until(() => told.some((text) => text.includes("first!")), "the publication");
    // It is heard as well.
    socket.send('{"channel":"demo/x","data":"second!"}');
    await heard((text) => text.includes("second!"));

    // The key of another certificate, as for a moment while both files are written.
    copyFileSync(first.cert, used.cert);
    command.signal("SIGHUP");
    await command.until(() => command.stderr.includes("Nothing was changed"));
    expect(command.stderr).toContain(`Cannot use ${used.cert} for TLS: the key in ${used.key} is not its own`);
    expect(await nameAt(port)).toBe("second");
    socket.close();
    listening.destroy();
    posting.destroy();
  });

  test("speaks TLS 1.2 and 1.3, and nothing older", async () => {
    const { cert, key } = make("one");
    const { port } = await serve("--tls-cert", cert, "--tls-key", key);
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      const socket = await dialTls(port, { minVersion: version, maxVersion: version });
      expect(socket.getProtocol()).toBe(version);
      socket.destroy();
    }
    expect(oldTlsAt(port)).toContain("alert protocol version");
  });

  test.each([
    ["files that do not exist", "/nowhere.pem", "it does not exist"],
    ["what is no certificate", "text", "it is no certificate (PEM)"],
  ])("refuses to start with %s", async (_, cert, why) => {
    const { key } = make("one");
    const path = cert === "text" ? join(home.folder, "text.pem") : cert;
    if (cert === "text") writeFileSync(path, "no certificate");
    const { code, stderr } = await home.run(["serve", "--listen", "127.0.0.1:0", "--tls-cert", path, "--tls-key", key]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: `Cannot use ${path} for TLS: ${why}\n` });
  });
});

test("Renewed certificates are taken up at intervals too, by themselves; what is wrong with them is logged once for each listener", async () => {
  const [first, second] = [make("first"), make("second")];
  const used = { cert: join(home.folder, "used.pem"), key: join(home.folder, "used.key") };
  copyCertificate(first, used);
  const [clock, log] = [new FakeClock(), new FakeLog()];
  const config = parseConfig({ text: "unix_socket: false", env: { HOME: home.folder } });
  const listeners = new Listeners(config, log, clock);
  const port = freePort();
  listeners.hold({ host: "127.0.0.1", port }, used);
  const boards = freePort();
  listeners.hold({ host: "127.0.0.1", port: boards }, used, (place) => listenLeniently({ ...place, clock, log }));
  listeners.renewCertificates();
  copyCertificate(second, used);
  expect(await nameAt(port)).toBe("first");
  const stays = await dialTls(port);
  clock.advance(60_000);
  expect([await nameAt(port), await nameAt(boards)]).toEqual(["second", "second"]);
  expect(stays.destroyed).toBeFalse();
  stays.destroy();
  writeFileSync(used.key, "no key");
  for (let minute = 0; minute < 5; minute++) clock.advance(60_000);
  expect(await nameAt(port)).toBe("second");
  expect(log.lines.filter(({ text }) => text.includes("it is no private key"))).toHaveLength(2);
  copyCertificate(first, used);
  clock.advance(60_000);
  expect(await nameAt(port)).toBe("first");
  listeners.cut();
});

test("Files that a reload names are looked at from then on, also when they say the same as those before", async () => {
  const [first, second] = [make("first"), make("second")];
  const moved = { cert: join(home.folder, "moved.pem"), key: join(home.folder, "moved.key") };
  copyCertificate(first, moved);
  const port = freePort();
  const configWith = ({ cert, key }: CertificateFiles) => {
    const text = `unix_socket: false\nlisten: 127.0.0.1:${port}\ntls: { cert: ${cert}, key: ${key} }`;
    return parseConfig({ text, env: { HOME: home.folder } });
  };
  const config = configWith(first);
  const clock = new FakeClock();
  const listeners = new Listeners(config, new FakeLog(), clock);
  listeners.hold(config.listen, config.tls);
  listeners.renewCertificates();
  listeners.prepare(configWith(moved))();
  copyCertificate(second, moved);
  clock.advance(60_000);
  expect(await nameAt(port)).toBe("second");
  listeners.cut();
});

test("A certificate that is renewed while a gateway goes is its successor's: nobody listens anew for it", async () => {
  const [first, second] = [make("first"), make("second")];
  const port = freePort();
  const clock = new FakeClock();
  const config = parseConfig({ text: "unix_socket: false", env: { HOME: home.folder } });
  const listeners = new Listeners(config, new FakeLog(), clock);
  listeners.hold({ host: "127.0.0.1", port }, first);
  listeners.renewCertificates();
  const left = listeners.stopListening();
  copyCertificate(second, first);
  clock.advance(60_000);
  await expect(nameAt(port)).rejects.toThrow();
  await left;
  listeners.cut();
});

describe("HSTS", () => {
  test("goes out with answers by TLS where public_url is https, and nowhere else", async () => {
    const { cert, key } = make("one");
    const tls = ["--tls-cert", cert, "--tls-key", key];
    const secure = await serve(...tls, "--public-url", "https://push.example.org");
    for (const path of ["/", "/health/live", "/channels/demo/x", "/nowhere/else"]) {
      const answer = await ask(await dialTls(secure.port), path);
      expect(answer.toLowerCase()).toContain("strict-transport-security: max-age=31536000\r\n");
    }
    await secure.command.end();
    const plain = await serve(...tls);
    expect((await ask(await dialTls(plain.port), "/")).toLowerCase()).not.toContain("strict-transport");
    await plain.command.end();
    const proxied = await serve("--public-url", "https://push.example.org", "--trusted-proxies", "127.0.0.1");
    const at = `http://127.0.0.1:${proxied.port}/health/live`;
    expect((await fetch(at)).headers.get("strict-transport-security")).toBeNull();
    const { headers } = await fetch(at, { headers: { "x-forwarded-proto": "https" } });
    expect(headers.get("strict-transport-security")).toBe("max-age=31536000");
  });
});

test("a certificate's files are compared with what is in use, and what is wrong with them is said once", () => {
  const [first, second] = [make("first"), make("second")];
  const inUse = new CertificateInUse(first);
  expect(inUse.renewed()).toBeUndefined();
  const text = inUse.renewed(second);
  expect(text).toEqual(readCertificate(second));
  if (text !== undefined) inUse.takeUp(text);
  inUse.follow(second);
  expect(inUse.renewed()).toBeUndefined();
  writeFileSync(second.key, "no key");
  expect(() => inUse.renewed()).toThrow(`Cannot use ${second.key} for TLS: it is no private key (PEM)`);
  expect([inUse.isNews("a"), inUse.isNews("a"), inUse.isNews("b")]).toEqual([true, false, true]);
});

async function serve(...words: string[]): Promise<{ readonly command: RunningCommand; readonly port: number }> {
  const { command, addresses } = await home.serve(...words);
  return { command, port: Number(addresses[0]?.listen.split(":").at(-1)) };
}

function collect(socket: TLSSocket): (holds: (text: string) => boolean) => Promise<void> {
  let text = "";
  let told: () => void = () => undefined;
  socket.on("data", (data) => {
    text += data.toString();
    told();
  });
  return async (holds) => {
    while (!holds(text)) await new Promise<void>((resolve) => (told = resolve));
  };
}
