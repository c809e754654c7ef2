import { expect, test } from "bun:test";
import { select } from "../../src/core/channels.ts";
import { fromNow, PlainForm, Setting, tell } from "./setting.ts";

class SpacedForm extends PlainForm {
  override readonly spacing = 1000;
}

function spaced() {
  const setting = new Setting();
  const form = new SpacedForm("spaced");
  const join = () => {
    const peer = setting.connect();
    setting.subscribe(peer, ["a"], fromNow, () => undefined, form);
    return peer;
  };
  const publish = (data: string): void => {
    setting.publish("a", data);
    setting.endTurn();
  };
  return { setting, form, join, publish };
}

test("A form that spaces its writes gets the first at once, and what comes meanwhile together in the next", () => {
  const { setting, join, publish } = spaced();
  const { outlet } = join();
  publish("1");
  publish("2");
  setting.clock.advance(999);
  publish("3");
  expect(outlet.writes).toHaveLength(1);
  setting.clock.advance(1);
  expect(outlet.frames).toEqual(["a#1 1", "a#2 2", "a#3 3"]);
  expect(outlet.writes).toHaveLength(2);
});

test("Who joins while something is held back gets only what comes after", () => {
  const { setting, join, publish } = spaced();
  join();
  publish("1");
  publish("2");
  const late = join();
  publish("3");
  setting.clock.advance(1000);
  expect(late.outlet.frames).toEqual(["a#3 3"]);
});

test("What is held back for a session can be handed out before it leaves, and the spacing holds all the same", () => {
  const { setting, form, join, publish } = spaced();
  const [one, other] = [join(), join()];
  publish("1");
  publish("2");
  setting.hub.flushFor(one.session);
  setting.hub.unsubscribe(one.session, select(["a"]), form);
  expect(one.outlet.frames).toEqual(["a#1 1", "a#2 2"]);
  publish("3");
  setting.clock.advance(999);
  expect(other.outlet.frames).toEqual(["a#1 1", "a#2 2"]);
  setting.clock.advance(1);
  expect(other.outlet.frames).toEqual(["a#1 1", "a#2 2", "a#3 3"]);
});

test("A clock that is set back holds nothing back", () => {
  const { setting, join, publish } = spaced();
  const { outlet } = join();
  publish("1");
  setting.clock.setBack(3_600_000);
  publish("2");
  expect(outlet.frames).toEqual(["a#1 1", "a#2 2"]);
});

test("Forms of other protocols are written to at the end of every turn", () => {
  const { setting, join, publish } = spaced();
  join();
  const plain = setting.connect();
  setting.subscribe(plain, ["a"], fromNow, tell(plain.session));
  publish("1");
  publish("2");
  expect(plain.outlet.frames.slice(1)).toEqual(["a#1 1", "a#2 2"]);
});
