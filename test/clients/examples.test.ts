// What docs/clients.md shows is run as it stands there: JavaScript in Node and curl always, Python, Go and Java in the long runs.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestGateway } from "../http/gateway.ts";
import { blocks, heard, startGateway } from "./page.ts";

const root = new URL("../..", import.meta.url).pathname;
/** Libraries that the long runs install are kept here from run to run. */
const kept = join(root, "node_modules", ".cache", "hearthwire-clients");
const python = join(kept, "python", "bin", "python");
const long = process.env["HEARTHWIRE_LONG"] === "1";
const installing = 300_000;

let gateway: TestGateway;
let folder: string;
beforeAll(async () => {
  gateway = await startGateway();
  folder = mkdtempSync(join(tmpdir(), "hearthwire-clients-"));
});
afterAll(async () => {
  await gateway.stop();
  rmSync(folder, { recursive: true });
});

function has(program: string): boolean {
  if (Bun.which(program) !== null) return true;
  console.log(`The examples for ${program} are not run: it is not here.`);
  return false;
}

function only(language: string): string {
  const [block, ...more] = blocks(language, gateway);
  expect(more).toEqual([]);
  return block ?? "";
}

async function install(command: readonly string[], cwd = root): Promise<void> {
  const child = Bun.spawn([...command], { cwd, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [said, complaints] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed:\n${said}${complaints}`);
}

test("The JavaScript of the page runs in Node", async () => {
  const file = join(root, "node_modules", `.hearthwire-example-${process.pid}.mjs`);
  writeFileSync(file, only("javascript"));
  try {
    expect(await heard(["node", file], "Hello from JavaScript")).toContain("{ text: 'Hello from JavaScript' }");
  } finally {
    rmSync(file);
  }
});

test("The curl lines of the page publish and listen", async () => {
  const said = await heard(["bash", "-c", only("bash")], '"live":true');
  expect(said).toContain('"channel":"demo/hello"');
  expect(said).toContain('"data":{"text": "Hello from curl"}');
});

test("The curl lines for backends and calls are answered", async () => {
  const said: string[] = [];
  for (const block of blocks("sh", gateway))
    said.push(await heard(["bash", "-c", block], "}", { env: { KEY: gateway.admin } }));
  expect(said[0]).toContain('{"result":{"offset":');
  expect(said[1]).toContain('{"time":');
});

if (long && has("python3")) {
  describe("Python", () => {
    beforeAll(async () => {
      if (existsSync(python)) return;
      mkdirSync(kept, { recursive: true });
      await install(["python3", "-m", "venv", join(kept, "python")]);
      await install([python, "-m", "pip", "install", "-q", "centrifuge-python==0.7.0", "cent==5.2.0"]);
    }, installing);

    test("The client of the page listens and publishes", async () => {
      const said = await heard([python, "-c", only("python")], "Hello from Python");
      expect(said).toContain("{'text': 'Hello from Python'}");
    });

    test("The backend of the page publishes, and cent does all that it can", async () => {
      const env = { KEY: gateway.admin };
      expect(await heard([python, "-c", only("py")], "offset", { env })).toContain("offset=");
      const address = { API: `${gateway.url}/api` };
      const said = await heard([python, join(root, "test/clients/cent-methods.py")], "all done", {
        env: { ...env, ...address },
      });
      expect(said.trimEnd()).toEndWith("all done");
    });
  });
}

if (long && has("go")) {
  describe("Go", () => {
    const modules = join(kept, "go");
    beforeAll(async () => {
      mkdirSync(modules, { recursive: true });
      if (existsSync(join(modules, "go.sum"))) return;
      writeFileSync(join(modules, "go.mod"), "module clients\n\ngo 1.23\n");
      const versions = ["centrifuge-go@v0.10.11", "gocent/v3@v3.3.0"].map((one) => `github.com/centrifugal/${one}`);
      await install(["go", "get", ...versions], modules);
    }, installing);

    async function run(language: string, text: string): Promise<string> {
      writeFileSync(join(modules, "main.go"), only(language));
      const program = join(folder, language);
      await install(["go", "build", "-mod=mod", "-o", program, "main.go"], modules);
      return heard([program], text, { env: { KEY: gateway.admin } });
    }

    test(
      "The client of the page listens and publishes",
      async () => {
        expect(await run("go", "Hello from Go")).toContain('{"text": "Hello from Go"}');
      },
      installing,
    );

    test(
      "The backend of the page publishes",
      async () => {
        expect(await run("golang", "offset")).toMatch(/offset \d+/);
      },
      installing,
    );
  });
}

if (long && has("java") && has("mvn")) {
  describe("Java", () => {
    const libraries = join(kept, "java");
    beforeAll(async () => {
      if (existsSync(join(libraries, "lib"))) return;
      mkdirSync(libraries, { recursive: true });
      const library =
        "<groupId>io.github.centrifugal</groupId><artifactId>centrifuge-java</artifactId><version>0.4.1</version>";
      writeFileSync(
        join(libraries, "pom.xml"),
        `<project><modelVersion>4.0.0</modelVersion><groupId>clients</groupId><artifactId>clients</artifactId><version>1</version>
<dependencies><dependency>${library}</dependency></dependencies></project>`,
      );
      await install(["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"], libraries);
    }, installing);

    test("The client of the page listens and publishes, in Protobuf", async () => {
      writeFileSync(join(folder, "Hello.java"), only("java"));
      const run = ["java", "-cp", join(libraries, "lib", "*"), join(folder, "Hello.java")];
      expect(await heard(run, "Hello from Java")).toContain('{"text": "Hello from Java"}');
    });
  });
}
