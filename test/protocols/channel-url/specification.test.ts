/** docs/channel-url.md tells the truth: its examples are run as they stand there, and its files are transcripts. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { everyRight as owner } from "../../../src/core/access.ts";
import { byteLine, replay, webSocketLine } from "../../transcript.ts";
import { until } from "../../transports/raw-client.ts";
import { openGateway, type TestGateway } from "./gateway.ts";

const root = join(import.meta.dir, "../../..");
const base = "http://localhost:8642";

interface Example {
  readonly command: string;
  readonly output: string;
}

/** Each `$ command` of the fenced `console` blocks, with what stands below it. */
function examplesOf(markdown: string): Example[] {
  const blocks = [...markdown.matchAll(/^```console\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [command = "", ...lines] = part.split("\n");
        return { command, output: lines.join("\n").trimEnd() };
      }),
  );
}

/** What differs from run to run. */
function masked(text: string): string {
  return text
    .replaceAll(/"time":\d+/g, '"time":‹time›')
    .replaceAll(/"epoch":"\w+"/g, '"epoch":"‹epoch›"')
    .replaceAll(/("cursor":"|id: )\w+\./g, "$1‹run›.")
    .replaceAll(/^retry: \d+$/gm, "retry: ‹retry›")
    .replaceAll(/hwt_\w{28}/g, "‹ticket›")
    .replaceAll(/^Date: .*$/gm, "Date: ‹date›")
    .replaceAll("\r", "")
    .trimEnd();
}

describe("the examples in docs/channel-url.md", () => {
  const examples = examplesOf(readFileSync(join(root, "docs/channel-url.md"), "utf8"));
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await openGateway();
  });
  afterAll(() => gateway.stop());

  test("are there", () => {
    expect(examples.length).toBeGreaterThan(10);
    expect(examples.every(({ command, output }) => command.startsWith("curl ") && output !== "")).toBe(true);
  });

  // In the order of the page: each finds what those before it have published.
  test.each(examples)("$command", async ({ command, output }) => {
    const key = gateway.key({ subscribe: ["**"] });
    const run = (
      await gateway.hub.read({ id: "none", names: ["none"], patterns: [] }, { from: "now", history: 0 }, owner)
    ).position.run;
    const text = command
      .replaceAll(base, gateway.url)
      .replaceAll("k3v9x0qa.", `${run}.`)
      .replace("curl", "exec curl -s");
    const curl = Bun.spawn(["sh", "-c", text], {
      env: { ...process.env, KEY: key },
      stdout: "pipe",
    });
    let heard = "";
    const reading = (async () => {
      for await (const part of curl.stdout.pipeThrough(new TextDecoderStream()) as ReadableStream<string>)
        heard += part;
    })();
    if (text.includes(" -N ")) {
      await until(() => masked(heard).length >= masked(output).length, `the whole output of ${command}; ${heard}`);
      curl.kill();
    }
    await reading;
    expect(masked(heard)).toBe(masked(output));
    expect(gateway.errors).toEqual([]);
  });
});

describe("the transcripts of the protocol", () => {
  const folder = join(root, "src/protocols/channel-url");
  const files = readdirSync(folder).filter((name) => name.endsWith(".transcript"));

  test("are there, one for each way to listen and one for publishing", () => {
    expect(files.sort()).toEqual(
      ["json-lines", "polling", "publishing", "server-sent-events", "websocket"].map((name) => `${name}.transcript`),
    );
  });

  test.each(files)("%s is what happens", async (file) => {
    const gateway = await openGateway({
      anonymous: { subscribe: ["open/**", "maps/**"], publish: ["open/**", "maps/**"] },
    });
    const key = gateway.key({ subscribe: ["**"], publish: ["**"] });
    const transcript = readFileSync(join(folder, file), "utf8").replaceAll("hw_<key>", key);
    await replay(transcript, {
      connect: (kind, words) =>
        kind === "ws"
          ? webSocketLine(gateway.url.replace("http", "ws"), words)
          : byteLine({ host: "127.0.0.1", port: gateway.port }),
      patience: 2000,
      actions: {
        advance: (words) => gateway.clock.advance(Number.parseInt(words, 10) * 1000),
        revoke: () => gateway.revoke(key),
        // A request that waits has been heard.
        settle: () => until(() => gateway.hub.sessions.size > 0, "somebody who listens"),
      },
    });
    expect(gateway.errors).toEqual([]);
    await gateway.stop();
  });
});
