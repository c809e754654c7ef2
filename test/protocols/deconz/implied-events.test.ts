import { expect, test } from "bun:test";
import fc from "fast-check";
import { type JsonObject, parseObject } from "../../../src/core/json.ts";
import { readEvent } from "../../../src/protocols/deconz/events.ts";
import { impliedEvents } from "../../../src/protocols/deconz/implied-events.ts";
import { Mirror, pictureKinds } from "../../../src/protocols/deconz/mirror.ts";
import { withoutEtags } from "./stage.ts";

function mirrorOf(house: JsonObject): Mirror {
  const mirror = new Mirror({ set: () => undefined, remove: () => undefined, replace: () => undefined });
  mirror.takeWhole(mirror.beginReading(), house);
  return mirror;
}

/** What one kind of resource looks like, each with the same members, as a gateway's do. */
function resources(shape: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<Record<string, object>> {
  return fc.dictionary(fc.constantFrom("1", "2", "3"), fc.record(shape), { noNullPrototype: true });
}
const name = fc.constantFrom("Hall", "Küche", "<b>");
const onOff = fc.record({ on: fc.boolean(), bri: fc.nat(3) });
const house = fc.record({
  lights: resources({ name, etag: name, state: onOff, uniqueid: fc.constant("00:01") }),
  sensors: resources({ name, state: fc.record({ buttonevent: fc.nat(2) }), config: onOff, lastseen: name }),
  groups: resources({ name, etag: name, state: fc.record({ all_on: fc.boolean(), any_on: fc.boolean() }) }),
  alarmsystems: fc.record({ 1: fc.record({ name, state: fc.record({ armstate: name }), config: onOff }) }),
});

test("whoever hears the implied events comes from the one reading to the next", () => {
  fc.assert(
    fc.property(house, house, (before, after) => {
      const mirror = mirrorOf(before);
      const next = mirrorOf(after);
      for (const text of impliedEvents(mirror.resources, next.resources)) {
        const event = readEvent(parseObject(text) ?? {});
        if (event === undefined) throw new Error(`${text} is no documented event`);
        const missing = mirror.apply(event);
        if (missing === undefined) continue;
        expect(missing.kind).toBe("groups");
        mirror.takeOne(mirror.beginReading(), missing, parseObject(next.find(missing.kind, missing.id) ?? ""));
      }
      for (const kind of pictureKinds) {
        expect(withoutEtags(parseObject(mirror.list(kind)))).toEqual(
          withoutEtags(parseObject(next.list(kind))) as object,
        );
      }
      expect(impliedEvents(next.resources, next.resources)).toEqual([]);
    }),
  );
});

test("they are worded as the gateway words them: one section at a time, attributes of groups at the top level", () => {
  const before = mirrorOf({
    lights: {
      1: { name: "Lamp", uniqueid: "00:01", state: { on: false, bri: 1 }, config: { group: 1 } },
      2: { uniqueid: "00:02" },
    },
    groups: { 1: { name: "Hall", action: { on: false }, scenes: [], state: { all_on: false, any_on: false } } },
  });
  const after = mirrorOf({
    lights: { 1: { name: "Spot", uniqueid: "00:01", state: { on: true, bri: 1 }, config: { group: 1 } } },
    sensors: { 7: { name: "Door", uniqueid: "00:07", state: { open: true } } },
    groups: {
      1: { name: "Hallway", action: { on: true }, scenes: ["1"], state: { all_on: true, any_on: true } },
      2: { name: "New" },
    },
  });
  expect(impliedEvents(before.resources, after.resources)).toEqual([
    '{"e":"deleted","id":"2","r":"lights","t":"event","uniqueid":"00:02"}',
    '{"e":"changed","id":"1","r":"lights","state":{"bri":1,"on":true},"t":"event","uniqueid":"00:01"}',
    '{"attr":{"name":"Spot"},"e":"changed","id":"1","r":"lights","t":"event","uniqueid":"00:01"}',
    '{"e":"added","id":"7","r":"sensors","sensor":{"id":"7","name":"Door","state":{"open":true},"uniqueid":"00:07"},"t":"event","uniqueid":"00:07"}',
    '{"e":"changed","id":"1","r":"groups","state":{"all_on":true,"any_on":true},"t":"event"}',
    '{"e":"changed","id":"1","name":"Hallway","r":"groups","t":"event"}',
    '{"e":"added","id":"2","r":"groups","t":"event"}',
  ]);
});
