import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { version } from "../../package.json" with { type: "json" };
import { Home } from "./command-line.ts";

let home: Home;
beforeEach(() => {
  home = new Home();
});
afterEach(() => home.clear());

const file = (): string => join(home.folder, "hearthwire.yaml");

describe("hearthwire init", () => {
  test("with --yes writes a commented configuration that starts a gateway", async () => {
    const { code, stdout } = await home.run(["init", "--yes"]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "hearthwire serve --config hearthwire.yaml\n" });
    const text = readFileSync(file(), "utf8");
    expect(text).toContain("# What a peer without a key may do");
    expect(parse(text)).toMatchObject({ listen: "127.0.0.1:8642", data: home.data });
    const { url } = await home.serve("--config", file());
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
  });

  test("writes one also where nothing says where the data is", async () => {
    const { code } = await home.spawn(["init", "--yes"]).outcome();
    expect(code).toBe(0);
    expect(readFileSync(file(), "utf8")).toContain("# data:");
  });

  test("asks, asks again where an answer is none, and writes what was answered", async () => {
    const stdin = "maybe\nyes\n0\n8700\npush.example.org\nhttps://push.example.org\n/tmp/house\ny\n";
    const command = home.spawn(["init"], { stdin });
    const { code, stderr } = await command.outcome();
    expect(stderr).toContain("It must be yes or no.");
    expect(stderr).toContain("It must be a number from 1 to 65535.");
    expect(stderr).toContain("It must be a URL like");
    expect(code).toBe(0);
    expect(parse(readFileSync(file(), "utf8"))).toMatchObject({
      listen: ":8700",
      public_url: "https://push.example.org",
      data: "/tmp/house",
      anonymous: { subscribe: ["home/**", "demo/**"] },
    });
  });

  test("writes nothing when the answers end too early", async () => {
    const { code, stderr } = await home.run(["init"], { stdin: "yes\n" });
    expect(code).toBe(2);
    expect(stderr).toContain("Cannot ask any more: the input has ended.");
    expect(existsSync(file())).toBeFalse();
  });

  test("does not replace a file unless told to", async () => {
    writeFileSync(file(), "listen: 1\n");
    const { code, stderr } = await home.run(["init", "--yes"]);
    expect(code).toBe(1);
    expect(stderr).toBe("Cannot write hearthwire.yaml: it is there already; --force replaces it\n");
    expect((await home.run(["init", "--yes", "--force"])).code).toBe(0);
    expect(readFileSync(file(), "utf8")).toContain("8642");
  });
});

describe("hearthwire config", () => {
  test("check says that a file is good, and all that is wrong with a bad one", async () => {
    writeFileSync(file(), "listen: 8642\n");
    expect(await home.run(["config", "check", "--config", file()])).toMatchObject({
      code: 0,
      stdout: `${file()} is good.\n`,
    });
    writeFileSync(file(), "listen: 99999\nlog: { levl: debug }\n");
    const { code, stderr, stdout } = await home.run(["--json", "config", "check", "--config", file()]);
    expect(code).toBe(1);
    expect(stderr.split("\n")).toHaveLength(4);
    expect(JSON.parse(stdout)).toMatchObject({ good: false, faults: [{ line: 1, path: "listen" }, { line: 2 }] });
  });

  test("print shows every option as it holds, and reads back as the same", async () => {
    const printed = await home.run(["config", "print", "--listen", "127.0.0.1:1234"], {
      env: { HEARTHWIRE_MAX_AGE: "5m" },
    });
    expect(parse(printed.stdout)).toMatchObject({ listen: "127.0.0.1:1234", max_age: "5m", data: home.data });
    writeFileSync(file(), printed.stdout);
    expect(await home.run(["config", "print", "--config", file()])).toEqual(printed);
    expect(await home.json(["config", "print", "--config", file()])).toEqual(parse(printed.stdout));
  });

  test("schema shows the JSON Schema that docs/ has", async () => {
    const { stdout } = await home.run(["config", "schema"]);
    const kept = readFileSync(new URL("../../docs/hearthwire.schema.json", import.meta.url), "utf8");
    expect(JSON.parse(stdout)).toEqual(JSON.parse(kept));
  });

  test("a file that is not there is named", async () => {
    const { code, stderr } = await home.run(["status", "--config", "nowhere.yaml"]);
    expect(code).toBe(1);
    expect(stderr).toContain("nowhere.yaml: Cannot read the configuration: it does not exist");
  });
});

describe("hearthwire", () => {
  test("without a command shows its help and ends with 2", async () => {
    const { code, stdout, stderr } = await home.spawn([]).outcome();
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toStartWith("Usage: hearthwire [options] [command]");
  });

  test("--version and --help end with 0", async () => {
    expect(await home.spawn(["--version"]).outcome()).toMatchObject({ code: 0, stdout: `${version}\n` });
    for (const words of [["--help"], ["help"], ["help", "key"], ["key", "create", "--help"]]) {
      const { code, stdout } = await home.spawn(words).outcome();
      expect(code).toBe(0);
      expect(stdout).toStartWith("Usage: hearthwire");
    }
  });

  test.each([
    [["subscrib", "x"], "unknown command 'subscrib'"],
    [["publish"], "missing required argument 'channel'"],
    [["status", "--jsn"], "unknown option '--jsn'"],
    [["status", "more"], "too many arguments"],
  ])("%p is a wrong use", async (words, why) => {
    const { code, stderr } = await home.spawn(words).outcome();
    expect(code).toBe(2);
    expect(stderr).toStartWith(`Cannot run this command: ${why}`);
  });
});
