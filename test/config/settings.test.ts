import { describe, expect, test } from "bun:test";
import { settingsOf } from "../../src/config/settings.ts";
import { parse } from "./parsing.ts";

const day = 86_400_000;

describe("The settings of a channel", () => {
  test("are those of the first entry that matches, in the order of the file", () => {
    const text = "channels:\n  home/lights: { kind: map }\n  home/*: { presence: true }\n  '**': { durable: sync }\n";
    const settings = settingsOf(parse(text));
    expect(settings("home/lights")).toMatchObject({ kind: "map", presence: false, durable: "no" });
    expect(settings("home/doors")).toMatchObject({ presence: true, durable: "no" });
    expect(settings("garden")).toMatchObject({ presence: false, durable: "sync" });
  });

  test("keep the order of the file also for names that are numbers", () => {
    const settings = settingsOf(parse("channels:\n  '*': { presence: true }\n  42: { kind: map }\n"));
    expect(settings("42")).toMatchObject({ presence: true, kind: "stream" });
  });

  test("without a matching entry are a stream of 100 publications of ten minutes, not durable", () => {
    const plain = {
      kind: "stream",
      history: { size: 100, ttl: 600_000 },
      durable: "no",
      presence: false,
      queue: "disconnect",
    };
    expect(settingsOf(parse(""))("anything")).toEqual(plain as never);
    expect(settingsOf(parse("channels: { a: }"))("a")).toEqual(plain as never);
  });

  test("send the latest value to a slow session of a map, and close that of a stream, unless the file says otherwise", () => {
    const settings = settingsOf(parse("channels: { m: { kind: map }, n: { kind: map, queue: disconnect }, s: {} }"));
    expect([settings("m").queue, settings("n").queue, settings("s").queue]).toEqual([
      "latest",
      "disconnect",
      "disconnect",
    ]);
  });

  test("are built in for reserved names, which no wildcard reaches", () => {
    const settings = settingsOf(parse("channels: { '**': { kind: map } }"));
    expect(settings("$device/abc")).toMatchObject({
      kind: "stream",
      history: { size: 1000, ttl: 7 * day },
      durable: "yes",
    });
    expect(settings("$devices")).toMatchObject({ kind: "stream", history: { size: 1000, ttl: day }, durable: "yes" });
    expect(settings("$other")).toMatchObject({ kind: "stream", history: { size: 100, ttl: 600_000 }, durable: "no" });
  });

  test("are remembered", () => {
    const settings = settingsOf(parse("channels: { 'a/**': { history: { size: 3 } } }"));
    expect(settings("a/b")).toBe(settings("a/b"));
  });

  test("are right for more names than are remembered", () => {
    const settings = settingsOf(parse("channels: { 'a/*': { kind: map } }"));
    for (let at = 0; at < 200_000; at++) settings(`b/${at}`);
    expect(settings("b/0").kind).toBe("stream");
    expect(settings("a/0").kind).toBe("map");
  });

  test("are found in the first and the last of ten thousand patterns", () => {
    const lines = Array.from({ length: 10_000 }, (_, at) => `  room/${at}/*: { history: { size: ${at + 1} } }`);
    const settings = settingsOf(parse(`channels:\n${lines.join("\n")}\n`));
    expect(settings("room/0/x").history.size).toBe(1);
    expect(settings("room/9999/x").history.size).toBe(10_000);
    expect(settings("room/10000/x").history.size).toBe(100);
  });
});
