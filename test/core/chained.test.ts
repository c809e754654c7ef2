import { expect, test } from "bun:test";
import type { Publication } from "../../src/ports.ts";
import { fromNow, PlainForm, principal, Setting } from "./setting.ts";

/** Phrases each publication as what came after the one before it. */
class ChainedForm extends PlainForm {
  override readonly chained = true;

  protected override encode(publication: Publication): string {
    return `after ${super.encode(publication)}`;
  }

  override frameAlone(publication: Publication): string {
    return super.encode(publication);
  }
}

function listening(setting: Setting, form: ChainedForm, id: string) {
  const peer = setting.connect(principal(id));
  setting.subscribe(peer, ["present/a"], fromNow, () => undefined, form);
  return peer;
}

test("a newcomer's first publication stands alone, whatever came before it; those of all others build on the last", () => {
  const setting = new Setting();
  const form = new ChainedForm("chained");
  const old = listening(setting, form, "old");
  setting.publish("present/a", "1");
  setting.endTurn();
  // Comes together with the word of its own joining, which builds on nothing.
  const newcomer = listening(setting, form, "newcomer");
  setting.endTurn();
  setting.publish("present/a", "2");
  setting.publish("present/a", "3");
  setting.endTurn();
  setting.publish("present/a", "4");
  setting.endTurn();
  const heard = ({ outlet }: typeof old) => outlet.frames.filter((frame) => frame.includes("#"));
  expect(heard(old)).toEqual(["present/a#1 1", "after present/a#2 2", "after present/a#3 3", "after present/a#4 4"]);
  expect(heard(newcomer)).toEqual(["present/a#2 2", "after present/a#3 3", "after present/a#4 4"]);
});
