/** The recipes of docs/proxies.md and docs/phones.md as they stand there, with ports, a certificate and shorter times put in. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { type ProxyProgram, type RunningProxy, startProxy } from "./proxy.ts";

/** The one block of a language on a page. */
export function block(language: string, page = "proxies.md"): string {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), "utf8");
  const found = Array.from(
    text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, "gm")),
    ([, inside = ""]) => inside,
  );
  const [only] = found;
  if (only === undefined || found.length > 1) throw new Error(`docs/${page} has ${found.length} blocks ${language}`);
  return only;
}

/** How long the recipes let a connection be silent, in seconds. */
export function idleTimes(program: ProxyProgram): number[] {
  const text = block(program) + block(`${program}-location`);
  return Array.from(text.matchAll(idleTime), ([, seconds]) => Number(seconds));
}

const idleTime = /(?<=_timeout |timeout=)(\d+)/g;

export interface Setting {
  readonly gateway: number;
  /** At a name of its own, or below a path of a site that is there. */
  readonly below: "" | "/push";
  /** In the place of the recipe's idle time-outs, in seconds. */
  readonly idle?: number;
  /** In the place of the recipe for nginx at a name of its own: the locations of its server. */
  readonly locations?: string;
}

export interface RunningRecipe {
  readonly proxy: RunningProxy;
  readonly url: string;
  /** The certificate that its clients are to trust: a file. */
  readonly ca: string;
  stop(): Promise<void>;
}

/** Runs a recipe before a gateway on loopback. */
export async function runRecipe(program: ProxyProgram, setting: Setting): Promise<RunningRecipe> {
  const { gateway, below, idle, locations } = setting;
  const port = freePort();
  const folder = mkdtempSync(join(tmpdir(), "hearthwire-recipe-"));
  if (program !== "caddy") makeCertificate(folder);
  const site = below === "" ? block(program) : siteAround[program]();
  const text = (locations === undefined ? site : nginxSite(locations))
    .replaceAll("127.0.0.1:8642", `127.0.0.1:${gateway}`)
    .replaceAll(/\b443\b/g, String(port))
    .replaceAll("/etc/letsencrypt/live/push.example.org", folder)
    .replaceAll("push.example.org", "localhost")
    .replaceAll(idleTime, (seconds) => String(idle ?? seconds));
  const config = program === "caddy" ? caddyGlobals(port, folder) + text : text;
  const modules = program === "apache" ? block("sh").trim().split(" ").slice(1) : [];
  const proxy = await startProxy({ program, config, port, modules });
  const ca = join(folder, program === "caddy" ? "pki/authorities/local/root.crt" : "fullchain.pem");
  await untilTrusted(`https://localhost:${port}/`, ca);
  return {
    proxy,
    url: `https://localhost:${port}${below}`,
    ca,
    async stop() {
      await proxy.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Caddy listens before it has its certificate. */
async function untilTrusted(url: string, ca: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      await (await fetch(url, { tls: { ca: readFileSync(ca, "utf8") }, redirect: "manual" })).text();
      return;
    } catch (thrown) {
      if (performance.now() > deadline) throw thrown;
      await Bun.sleep(20);
    }
  }
}

function nginxSite(locations: string): string {
  return block("nginx").replace(/^ {4}location[\s\S]*?^ {4}\}\n/m, () => locations);
}

/** "A site that is there already", around the recipe for a path of it: the recipe for a name with the other in its place. */
const siteAround: Readonly<Record<ProxyProgram, () => string>> = {
  nginx: () => nginxSite(block("nginx-location")),
  apache: () =>
    block("apache").replace(/^ {4}AllowEncodedSlashes[\s\S]*?(?=^<\/VirtualHost)/m, () => block("apache-location")),
  caddy: () => block("caddy").replace(/^\treverse_proxy.*\n/m, () => block("caddy-location")),
};

/** A certificate of its own in the place of the world's, and nothing outside the folder. */
function caddyGlobals(port: number, folder: string): string {
  return `{
	admin off
	local_certs
	skip_install_trust
	https_port ${port}
	auto_https disable_redirects
	storage file_system ${folder}
}
`;
}

/** Signed by itself, for localhost. */
function makeCertificate(folder: string): void {
  const made = Bun.spawnSync([
    ..."openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost".split(" "),
    ...[
      "-addext",
      "subjectAltName=DNS:localhost",
      "-keyout",
      join(folder, "privkey.pem"),
      "-out",
      join(folder, "fullchain.pem"),
    ],
  ]);
  if (made.exitCode !== 0) throw new Error(String(made.stderr));
}
