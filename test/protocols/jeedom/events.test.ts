import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { dialects, EventBuffer } from "../../../simulators/jeedom/event-buffer.ts";
import { EventCursor } from "../../../src/protocols/jeedom/event-cursor.ts";
import { readChanges, readEvent } from "../../../src/protocols/jeedom/events.ts";
import { hostOf } from "../../../src/protocols/jeedom/hosts.ts";
import { readHouse } from "../../../src/protocols/jeedom/house.ts";

describe("An answer with events", () => {
  test("is read with numbers or texts as times, and options of any form, each as it was written", () => {
    const rows = [
      '{"datetime":1700000001.10340,"name":"cmd::update","option":{"cmd_id":1042,"value":21.50}}',
      '{"datetime":"1700000002.4","name":"eqLogic::update","option":{"eqLogic_id":"7","visible":1}}',
      '{"datetime":1700000003,"name":"message::refreshMessageNumber","option":[]}',
      '{"datetime":1700000004,"name":"jeedom::alertPopup","option":"Bonjour"}',
      '{"datetime":1700000005,"name":"jeeObject::summary::update","option":{"object_id":"global","keys":{}}}',
      '{"datetime":1700000006,"name":"plugin::own","option":{"anything":[1,2]}}',
    ];
    const events = readChanges(`{"jsonrpc":"2.0","id":1,"result":{"datetime":"1700000009.5","result":[${rows}]}}`);
    expect(events.map(({ text }) => text)).toEqual(rows);
    expect(events.map(({ subject, datetime }) => [datetime, subject])).toEqual([
      [1700000001.1034, { kind: "commands", id: "1042" }],
      [1700000002.4, { kind: "equipments", id: "7" }],
      [1700000003, undefined],
      [1700000004, undefined],
      [1700000005, { kind: "objects", id: "global" }],
      [1700000006, undefined],
    ]);
  });

  test("may be `ok` where a list is expected", () => {
    expect(readChanges('{"result":"ok"}')).toEqual([]);
    expect(readChanges('{"result":{"datetime":5,"result":"ok"}}')).toEqual([]);
  });

  test("whatever it is, is read without a throw, and its events are single lines of JSON", () => {
    const text = fc.oneof(
      fc.json(),
      fc.json().map((result) => `{"result":{"datetime":1,"result":[${result}]}}`),
    );
    fc.assert(
      fc.property(text, (answer) => {
        if (!answer.startsWith("{")) return;
        for (const event of readChanges(answer)) {
          expect(event.text).not.toMatch(/[\r\n]/);
          JSON.parse(event.text);
        }
      }),
    );
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (row) => void readEvent(row)));
    fc.assert(fc.property(fc.array(fc.jsonValue()), fc.array(fc.jsonValue()), (a, b) => void readHouse(a, b)));
  });
});

describe("The cursor", () => {
  /** Jeedom's events, some of which are written later than they are dated, asked for at any time. */
  const steps = fc.array(
    fc.record({
      wait: fc.integer({ min: 0, max: 900 }),
      written: fc.array(fc.record({ behind: fc.integer({ min: 0, max: 400 }) }), { maxLength: 4 }),
    }),
    { maxLength: 40 },
  );

  test.each(dialects)(
    "tells each event of Jeedom %s once, also of those that are written late or at one time",
    (dialect) => {
      fc.assert(
        fc.property(steps, (all) => {
          let now = 1_700_000_000_000;
          const buffer = new EventBuffer(dialect, () => now / 1000);
          const cursor = new EventCursor();
          const told: string[] = [];
          const written: string[] = [];
          const ask = (): void => {
            const { result } = buffer.since(cursor.next(now).datetime);
            const events = result.flatMap((row) => readEvent(JSON.stringify(row)) ?? []);
            told.push(...cursor.take(events, now).fresh.map(({ text }) => text));
          };
          cursor.begin(now / 1000, now);
          cursor.lookBack(now);
          for (const { wait, written: rows } of all) {
            now += wait;
            // Nothing is dated before we began to listen.
            for (const { behind } of rows) {
              const datetime = Math.max(1_700_000_000_000, now - behind) / 1000;
              written.push(JSON.stringify(buffer.add("any", { number: written.length }, datetime)));
            }
            ask();
          }
          for (let rest = 0; rest < 5; rest++) {
            now += 700;
            ask();
          }
          expect(told.toSorted()).toEqual(written.toSorted());
        }),
      );
    },
  );

  test("asks just behind the newest event, and looks back only as long as something may turn up", () => {
    const cursor = new EventCursor();
    cursor.begin(100, 0);
    expect(cursor.lookBack(0)).toEqual({ datetime: 98, longPolling: 0 });
    expect(cursor.next(10)).toEqual({ datetime: 100.000001, longPolling: 1 });
    expect(cursor.next(1000)).toEqual({ datetime: 98, longPolling: 0 });
    expect(cursor.next(60_000)).toEqual({ datetime: 100.000001, longPolling: 15 });
  });

  test("knows when there may have been more, and when Jeedom's clock was put back", () => {
    const cursor = new EventCursor();
    cursor.begin(100, 0);
    const rows = (from: number, count: number) =>
      Array.from({ length: count }, (_, at) => ({ text: `${from + at}`, datetime: 101, name: "any" }));
    expect(cursor.take(rows(0, 250), 0)).toMatchObject({ mayLack: true, goesOn: true });
    expect(cursor.take(rows(1, 250), 0)).toMatchObject({ mayLack: false, fresh: [{ text: "250" }] });
    expect([cursor.isAheadOf(100.5), cursor.isAheadOf(50)]).toEqual([false, true]);
    cursor.putBack(50, 3, 0);
    expect(cursor.lookBack(0).datetime).toBe(45);
  });
});

test("a host is that of a URL or of an address", () => {
  const hosts = ["http://192.168.1.20/jeedom", "Maison.Example.org", "192.168.1.20:8080", "", "https://"].map(hostOf);
  expect(hosts).toEqual(["192.168.1.20", "maison.example.org", "192.168.1.20", undefined, undefined]);
});
