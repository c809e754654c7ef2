/** What packaging/ ships, tried as far as a machine without systemd as its first process and without Docker's daemon can. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Home, type RunningCommand, type Serving } from "../cli/command-line.ts";
import { makeCertificate, nameAt } from "../tls.ts";

const root = new URL("../..", import.meta.url).pathname;
const unit = readFileSync(join(root, "packaging/hearthwire.service"), "utf8");
const patience = 120_000;

let home: Home;
/** Where `npm install --global` put it. */
let prefix: string;

beforeAll(() => {
  home = new Home();
  prefix = join(home.folder, "prefix");
});

afterAll(() => home.clear());

function run(words: readonly string[], cwd: string): string {
  // npm keeps what it has fetched in the home of whoever runs the tests.
  const { exitCode, stdout, stderr } = Bun.spawnSync([...words], { cwd, stdout: "pipe", stderr: "pipe" });
  if (exitCode !== 0) throw new Error(`${words.join(" ")}\n${stdout}${stderr}`);
  return stdout.toString();
}

async function serving(command: RunningCommand): Promise<Serving> {
  await command.until(() => command.lines.length > 0);
  return JSON.parse(command.lines[0] ?? "") as Serving;
}

async function ready({ addresses }: Serving): Promise<void> {
  const answer = await fetch(`${addresses[0]?.url}/health/ready`);
  expect([answer.status, await answer.json()]).toEqual([200, { ready: true, reasons: [] }]);
}

describe("The npm package", () => {
  beforeAll(() => {
    const packed = run(["npm", "pack", "--silent", "--pack-destination", home.folder], root).trim();
    run(
      ["npm", "install", "--global", "--no-audit", "--no-fund", "--prefix", prefix, join(home.folder, packed)],
      home.folder,
    );
  }, patience);

  test(
    "installed globally, has the command, which serves from any folder and ends in order",
    async () => {
      const program = join(prefix, "bin/hearthwire");
      const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
      expect(await home.spawnProgram([program, "--version"]).outcome()).toMatchObject({
        code: 0,
        stdout: `${version}\n`,
      });
      const command = home.spawnProgram([program, "--json", "--data", home.data, "serve", "--listen", "127.0.0.1:0"]);
      const started = await serving(command);
      await ready(started);
      for (const path of ["/", "/page.js", "/docs/codes"])
        expect([path, (await fetch(`${started.addresses[0]?.url}${path}`)).status]).toEqual([path, 200]);
      expect(await command.end()).toMatchObject({ code: 0 });
    },
    patience,
  );

  test("brings the unit, the sysctl and the Dockerfile", () => {
    for (const file of ["hearthwire.service", "sysctl.conf", "Dockerfile"])
      expect(readFileSync(join(prefix, "lib/node_modules/hearthwire/packaging", file)).length).toBeGreaterThan(0);
  });

  test("satisfies the unit: systemd finds no fault in it, and little that it exposes", () => {
    const file = join(home.folder, "hearthwire.service");
    writeFileSync(file, unit.replace("ExecStart=hearthwire", `ExecStart=${prefix}/bin/hearthwire`));
    expect(run(["systemd-analyze", "verify", file], home.folder)).toBe("");
    // 2.5 of 10; a service with a network, a low port and a compiler hardly gets below 2.
    run(["systemd-analyze", "security", "--offline=true", "--threshold=25", file], home.folder);
  });
});

describe("As the unit runs it", () => {
  /** A user that owns nothing else, one capability, and the folders and variables that systemd gives. */
  const user = 61_234;
  const capability = "-all,+net_bind_service";
  const asUser = (...groups: string[]): string[] => {
    const identity = ["--reuid", String(user), "--regid", String(user), ...groups, "--no-new-privs"];
    const capable = ["--bounding-set", capability, "--inh-caps", capability, "--ambient-caps", capability];
    return ["setpriv", ...identity, ...capable];
  };

  test("it needs no root, and has a port below 1024 all the same", async () => {
    if (process.getuid?.() !== 0) throw new Error("Cannot give a process another user: run this test as root");
    const folder = mkdtempSync(join(tmpdir(), "hearthwire-unit-"));
    const state = join(folder, "state");
    const runtime = join(folder, "run");
    run(["install", "-d", "-o", String(user), "-m", "0700", state], folder);
    run(["install", "-d", "-o", String(user), "-m", "0755", runtime], folder);
    run(["chmod", "0755", folder], folder);
    const command = home.spawnProgram(
      [...asUser("--clear-groups"), ...gateway("serve", "--listen", `127.0.0.1:${freeLowPort()}`)],
      { env: { STATE_DIRECTORY: state, RUNTIME_DIRECTORY: runtime, HOME: "/", XDG_RUNTIME_DIR: "" } },
    );
    const started = await serving(command);
    expect(started).toMatchObject({ data: state, unix_socket: join(runtime, "hearthwire.sock") });
    await ready(started);
    expect(await command.end()).toMatchObject({ code: 0 });
    rmSync(folder, { recursive: true });
  });

  test(
    "it reads a certificate that one of its groups may read, and is refused in words where none may",
    async () => {
      if (process.getuid?.() !== 0) throw new Error("Cannot give a process another user: run this test as root");
      const folder = mkdtempSync(join(tmpdir(), "hearthwire-group-"));
      const [group, state] = ["61235", join(folder, "state")];
      run(["chmod", "0755", folder], folder);
      run(["install", "-d", "-o", String(user), "-m", "0700", state], folder);
      const { cert, key } = makeCertificate(folder, "group");
      for (const file of [cert, key]) run(["sh", "-c", `chgrp ${group} ${file} && chmod 0640 ${file}`], folder);
      const serve = ["--data", state, "serve", "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key];
      const env = { HOME: "/", XDG_RUNTIME_DIR: "" };
      const outsider = home.spawnProgram([...asUser("--clear-groups"), ...gateway(...serve)], { env });
      expect(await outsider.outcome()).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`Cannot use ${cert} for TLS: EACCES`),
      });
      const member = home.spawnProgram([...asUser("--groups", group), ...gateway(...serve)], { env });
      const { addresses } = await serving(member);
      expect(await nameAt(Number(new URL(addresses[0]?.url ?? "").port))).toBe("group");
      expect(await member.end()).toMatchObject({ code: 0 });
      rmSync(folder, { recursive: true });
    },
    patience,
  );

  test(
    "it makes no system call that the unit does not allow",
    async () => {
      const trace = join(home.folder, "trace");
      const strace = ["strace", "-f", "-q", "-e", "signal=none", "-o", trace];
      const config = join(home.folder, "unit.yaml");
      writeFileSync(config, "anonymous: { subscribe: [a], publish: [a] }\nchannels: { a: { durable: sync } }\n");
      const command = home.spawnProgram([
        ...strace,
        ...gateway("--config", config, "--data", join(home.folder, "traced"), "serve", "--listen", "127.0.0.1:0"),
      ]);
      const started = await serving(command);
      const url = started.addresses[0]?.url ?? "";
      const socket = new WebSocket(`${url.replace("http", "ws")}/channels/a`);
      const heard = new Promise<void>((resolve) => {
        socket.onmessage = ({ data }) => String(data).includes('"data"') && resolve();
        socket.onopen = () => void fetch(`${url}/channels/a`, { method: "POST", body: "1" });
      });
      await heard;
      await ready(started);
      process.kill(pidOf(trace), "SIGTERM");
      expect(await command.outcome()).toMatchObject({ code: 0 });
      const allowed = allowedCalls();
      const made = new Set(
        Array.from(readFileSync(trace, "utf8").matchAll(/^\d+ +(\w+)\(/gm), ([, name = ""]) => name),
      );
      expect(made.size).toBeGreaterThan(20);
      expect([...made].filter((name) => !allowed.has(name))).toEqual([]);
    },
    patience,
  );
});

test(
  "The steps of the Dockerfile, by hand in an empty folder, make a gateway that serves and says how it is",
  async () => {
    const image = join(home.folder, "image");
    const env: Record<string, string> = {};
    const words: string[] = [];
    const checks: string[] = [];
    let workdir = image;
    const at = (path: string): string => (path.startsWith("/") ? join(image, path) : join(workdir, path));
    const inImage = (text: string): string =>
      text.replaceAll(/(^|[ =])(\/(?:opt|usr|var)\/)/g, (_, before, path) => before + image + path);
    const steps: Readonly<Record<string, (rest: string) => void>> = {
      FROM: () => undefined,
      WORKDIR: (path) => {
        workdir = at(path);
        mkdirSync(workdir, { recursive: true });
      },
      COPY(rest) {
        if (rest.startsWith("--from")) return;
        const names = rest.split(" ");
        const target = at(names.pop() ?? "");
        for (const word of names)
          cpSync(join(root, word), target.endsWith("/") ? join(target, word) : target, { recursive: true });
      },
      RUN(rest) {
        mkdirSync(join(image, "usr/local/bin"), { recursive: true });
        // There is a user `node` in the image alone.
        run(["sh", "-c", inImage(rest.replace("-o node -g node ", ""))], workdir);
      },
      ENV: (rest) => {
        for (const pair of rest.split(" ")) env[pair.split("=")[0] ?? ""] = inImage(pair.split("=")[1] ?? "");
      },
      ENTRYPOINT: (rest) => void words.unshift(...(JSON.parse(rest) as string[])),
      CMD: (rest) => void words.push(...(JSON.parse(rest) as string[])),
      USER: () => undefined,
      VOLUME: () => undefined,
      EXPOSE: () => undefined,
      HEALTHCHECK: (rest) => void checks.push(rest.replace("CMD ", "")),
    };
    for (const line of readFileSync(join(root, "packaging/Dockerfile"), "utf8").split("\n")) {
      const [instruction = "", rest = ""] = line.split(/ (.*)/s);
      if (line === "" || line.startsWith("#")) continue;
      const step = steps[instruction];
      if (step === undefined) throw new Error(`Cannot follow ${line}`);
      step(rest);
    }
    const [check = ""] = checks;
    expect(env["HEARTHWIRE_LISTEN"]).toBe(":8642");
    const PATH = `${join(image, "usr/local/bin")}:${dirname(process.env["npm_node_execpath"] ?? "/usr/bin/node")}:${process.env["PATH"]}`;
    const container = { env: { ...env, PATH, HEARTHWIRE_LISTEN: "127.0.0.1:0", XDG_RUNTIME_DIR: "" } };
    const gateway = home.spawnProgram([...words, "--json"], container);
    await ready(await serving(gateway));
    const healthy = await home.spawnProgram(["sh", "-c", check], container).outcome();
    expect(healthy).toMatchObject({ code: 0, stdout: expect.stringContaining("State        OK") });
    expect(await gateway.end()).toMatchObject({ code: 0 });
    expect(await home.spawnProgram(["sh", "-c", check], container).outcome()).toMatchObject({ code: 1 });
  },
  patience,
);

function gateway(...words: string[]): string[] {
  return [process.execPath, join(root, "src/main.ts"), "--json", ...words];
}

function freeLowPort(): number {
  for (let port = 1023; port > 500; port--) {
    try {
      Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => undefined } }).stop(true);
      return port;
    } catch {
      // Somebody has it.
    }
  }
  throw new Error("Cannot find a free port below 1024");
}

/** The process that strace began with. */
function pidOf(trace: string): number {
  return Number(/^\d+/.exec(readFileSync(trace, "utf8"))?.[0]);
}

/** What the lines `SystemCallFilter=` of the unit come to, in their order. */
function allowedCalls(): ReadonlySet<string> {
  const allowed = new Set<string>();
  for (const [, not, group = ""] of unit.matchAll(/^SystemCallFilter=(~?)(\S+)$/gm))
    for (const call of callsOf(group)) not === "~" ? allowed.delete(call) : allowed.add(call);
  return allowed;
}

function callsOf(group: string): string[] {
  const lines = run(["systemd-analyze", "--no-pager", "syscall-filter", group], root).split("\n");
  const names = lines
    .slice(1)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  return names.flatMap((name) => (name.startsWith("@") ? callsOf(name) : [name]));
}
