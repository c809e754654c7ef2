/**
 * Real reverse proxies of Debian's packages, each in a folder and on a port of its own, with a configuration as a person
 * would write it: what stands in sites-available (nginx, Apache) or is the Caddyfile.
 */
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type ProxyProgram = "nginx" | "apache" | "caddy";

export interface ProxyOptions {
  readonly program: ProxyProgram;
  /** Listens on `port`, in plain or by TLS. */
  readonly config: string;
  /** One that `freePort` gave. */
  readonly port: number;
  /** Apache's modules besides those that the package enables: the words after `a2enmod`. */
  readonly modules?: readonly string[];
}

export interface RunningProxy {
  readonly port: number;
  /** What it said and logged, for the message of a test that fails. */
  log(): string;
  stop(): Promise<void>;
}

interface Start {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** How long one may take to listen; in ms. */
const patience = 10_000;

/** Resolves when it listens; rejects with what it said when it does not. */
export async function startProxy({ program, config, port, modules = [] }: ProxyOptions): Promise<RunningProxy> {
  const folder = mkdtempSync(join(tmpdir(), `hearthwire-${program}-`));
  // The workers of Apache have left the rights of root behind.
  chmodSync(folder, 0o755);
  const { command, env = {} } = starts[program](folder, { config, port, modules });
  const output = join(folder, "output");
  const child = Bun.spawn([...command], {
    cwd: folder,
    env: { PATH: path, HOME: folder, LANG: "C.UTF-8", ...env },
    detached: true,
    stdin: "ignore",
    stdout: Bun.file(output),
    stderr: Bun.file(`${output}.errors`),
  });
  const log = (): string =>
    [output, `${output}.errors`, join(folder, "error.log"), join(folder, "access.log")]
      .filter(existsSync)
      .map((file) => readFileSync(file, "utf8"))
      .join("");
  // It and its workers, which would wait for the streams that are open.
  const end = (): void => void process.kill(-child.pid, "SIGKILL");
  process.on("exit", end);
  const stop = async (): Promise<void> => {
    process.off("exit", end);
    if (child.exitCode === null) end();
    await child.exited;
    rmSync(folder, { recursive: true, force: true });
  };
  const deadline = performance.now() + patience;
  while (!(await listens(port))) {
    if (child.exitCode === null && performance.now() < deadline) {
      await Bun.sleep(10);
      continue;
    }
    const said = log();
    await stop();
    throw new Error(`${program} does not listen on ${port}:\n${said}\n${config}`);
  }
  return { port, log, stop };
}

/** Servers are not on the path of everybody. */
const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;

/** Where a program of Debian's packages is; fails with the command that installs it. */
function programAt(name: string, debianPackage: string): string {
  const found = path.split(":").find((folder) => existsSync(join(folder, name)));
  if (found !== undefined) return join(found, name);
  throw new Error(`Cannot find ${name}. Run: sudo apt-get install -y --no-install-recommends ${debianPackage}`);
}

type Configured = Required<Pick<ProxyOptions, "config" | "port" | "modules">>;

const starts: Readonly<Record<ProxyProgram, (folder: string, configured: Configured) => Start>> = {
  nginx(folder, { config }) {
    const program = programAt("nginx", "nginx-light");
    const file = join(folder, "nginx.conf");
    writeFileSync(file, nginxConfig(folder, config));
    return { command: [program, "-p", folder, "-c", file, "-e", join(folder, "error.log")] };
  },

  /** Debian's own folder, with what its `a2enmod` makes of it. */
  apache(folder, { config, port, modules }) {
    const program = programAt("apache2", "apache2");
    const etc = join(folder, "etc");
    cpSync("/etc/apache2", etc, { recursive: true, verbatimSymlinks: true });
    rmSync(join(etc, "sites-enabled"), { recursive: true });
    mkdirSync(join(etc, "sites-enabled"));
    writeFileSync(join(etc, "sites-enabled", "proxy.conf"), config);
    writeFileSync(join(etc, "ports.conf"), `Listen ${port}\n`);
    const env = {
      APACHE_CONFDIR: etc,
      APACHE_STATE_DIRECTORY: join(folder, "state"),
      APACHE_RUN_USER: process.getuid?.() === 0 ? "www-data" : String(process.getuid?.()),
      APACHE_RUN_GROUP: process.getuid?.() === 0 ? "www-data" : `#${process.getgid?.()}`,
      APACHE_RUN_DIR: folder,
      APACHE_LOCK_DIR: folder,
      APACHE_LOG_DIR: folder,
      APACHE_PID_FILE: join(folder, "apache2.pid"),
    };
    writeFileSync(
      join(etc, "envvars"),
      Object.entries(env)
        .map(([name, value]) => `export ${name}='${value}'\n`)
        .join(""),
    );
    if (modules.length > 0) enableModules(modules, env);
    return { command: [program, "-d", etc, "-f", join(etc, "apache2.conf"), "-D", "FOREGROUND"], env };
  },

  caddy(folder, { config }) {
    const program = programAt("caddy", "caddy");
    const file = join(folder, "Caddyfile");
    writeFileSync(file, config);
    const command = [program, "run", "--config", file, "--adapter", "caddyfile"];
    return { command, env: { XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder } };
  },
};

/** As in Debian's nginx.conf, but for its places. */
function nginxConfig(folder: string, site: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${join(folder, name)};`,
  );
  return `daemon off;
${process.getuid?.() === 0 ? "user root;" : ""}
worker_processes 1;
pid ${join(folder, "nginx.pid")};
error_log ${join(folder, "error.log")};
events { worker_connections 768; }
http {
  sendfile on;
  tcp_nopush on;
  gzip on;
  default_type application/octet-stream;
  access_log ${join(folder, "access.log")};
  ${temporary.join("\n  ")}
${site}
}
`;
}

function enableModules(modules: readonly string[], env: Readonly<Record<string, string>>): void {
  const a2enmod = programAt("a2enmod", "apache2");
  const { exitCode, stdout, stderr } = Bun.spawnSync([a2enmod, "--quiet", ...modules], { env: { PATH: path, ...env } });
  if (exitCode !== 0) throw new Error(`a2enmod ${modules.join(" ")}: ${stdout}${stderr}`);
}

async function listens(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data: () => undefined } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}
