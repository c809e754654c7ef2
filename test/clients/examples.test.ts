// What docs/clients.md shows is run as it stands there: JavaScript in Node and curl always, Python, Go, Java and Kotlin in the long runs.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
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
  /** A folder with these libraries of Maven's, and what they need. */
  async function libraries(name: string, artifacts: readonly string[]): Promise<string> {
    const place = join(kept, name);
    if (existsSync(join(place, "lib"))) return join(place, "lib");
    mkdirSync(place, { recursive: true });
    const dependencies = artifacts.map((one) => {
      const [group, artifact, version] = one.split(":");
      return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
    });
    writeFileSync(
      join(place, "pom.xml"),
      `<project><modelVersion>4.0.0</modelVersion><groupId>clients</groupId><artifactId>clients</artifactId><version>1</version>
<dependencies>${dependencies.join("")}</dependencies></project>`,
    );
    await install(["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"], place);
    return join(place, "lib");
  }
  const sdk = "io.github.centrifugal:centrifuge-java:0.4.1";

  test(
    "The client of the page listens and publishes in Java, in Protobuf",
    async () => {
      const lib = await libraries("java", [sdk]);
      writeFileSync(join(folder, "Hello.java"), only("java"));
      const run = ["java", "-cp", join(lib, "*"), join(folder, "Hello.java")];
      expect(await heard(run, "Hello from Java")).toContain('{"text": "Hello from Java"}');
    },
    installing,
  );

  test(
    "The client of the page listens and publishes in Kotlin",
    async () => {
      const lib = await libraries("kotlin", [sdk, "org.jetbrains.kotlin:kotlin-compiler-embeddable:2.2.20"]);
      const [source, made] = [join(folder, "Hello.kt"), join(folder, "kotlin")];
      writeFileSync(source, only("kotlin"));
      const jars = readdirSync(lib).map((jar) => join(lib, jar));
      const compiler = ["java", "-cp", join(lib, "*"), "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler"];
      await install([...compiler, "-no-stdlib", "-no-reflect", "-cp", jars.join(":"), "-d", made, source]);
      const run = ["java", "-cp", `${made}:${join(lib, "*")}`, "HelloKt"];
      expect(await heard(run, "Hello from Kotlin")).toContain('{"text": "Hello from Kotlin"}');
    },
    installing,
  );
}

// Nothing here has run these: where they are present, this is how they are tried.
if (long) {
  for (const [language, commands] of Object.entries({
    dart: "dart create hello; cd hello; dart pub add centrifuge; paste it into bin/hello.dart; dart run",
    swift:
      "mkdir hello; cd hello; swift package init --type executable; add the package that docs/clients.md names; paste it into Sources/main.swift; swift run",
  })) {
    console.log(
      `The ${language} of docs/clients.md is not run by any test. With ${language} and a gateway at hand: ${commands}`,
    );
  }
}
