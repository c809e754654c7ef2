/** A phone's day: the same in whichever way it is connected. */
import { Seed } from "../seed.ts";
import type { PhoneEquipment } from "./equipment.ts";
import { type PhoneTransport, phoneTransports } from "./line.ts";
import type { Phone } from "./phone.ts";
import type { Plugin } from "./plugin.ts";

export interface ScenarioParts {
  readonly phone: Phone;
  /** The phone as the plugin knows it. */
  readonly equipment: PhoneEquipment;
  readonly plugin: Plugin;
  /** Resolves when it is so; rejects after a while. */
  readonly until: (condition: () => boolean, what: string) => Promise<void>;
}

/** Of the house in the main part. */
const changes = 500;
/** Made at once, so that several come together. */
const burst = 20;

/** What the phone shows in the end, as text. */
export async function runScenario({ phone, equipment, plugin, until }: ScenarioParts): Promise<string> {
  const { house } = plugin.jeedom;
  const { picture, transport } = phone;
  const seed = new Seed(500);
  const change = (): void => house.set(seed.one([...equipment.commands]), Math.round(seed.between(0, 100)));
  const agrees = (when: string): Promise<void> =>
    until(() => picture.shows(house), `the phone shows the house ${when}`);

  await connect(phone);
  await agrees("as it connects");
  for (let made = 0; made < changes; made += burst) {
    for (let at = 0; at < burst; at++) change();
    house.run(1 + (made % 4), made % 3 === 0 ? "run" : "stop");
    await Bun.sleep(1);
  }
  await agrees("after 500 changes");

  const lamp = [...house.building.commands.values()].find(({ plan }) => plan.genericType === "LIGHT_ON");
  await phone.tell("CMD_EXEC", { id: String(lamp?.id), options: {} });
  await until(() => house.command(lamp?.linked ?? 0).state === 1, "the lamp is on");
  await act({ phone, equipment, plugin, until }, "after the changes");
  await agrees("with the lamp on");

  await phone.background();
  await until(() => equipment.appState === "background", "the plugin knows of the background");
  for (let at = 0; at < burst; at++) change();
  await phone.foreground();
  await agrees("after it woke up");

  const other = phoneTransports[(phoneTransports.indexOf(transport) + 1) % phoneTransports.length] as PhoneTransport;
  for (const next of [other, transport]) {
    await phone.switchTo(next);
    change();
    await agrees(`over ${next}`);
    await act({ phone, equipment, plugin, until }, "over another transport");
  }

  phone.loseNetwork();
  for (let at = 0; at < burst; at++) change();
  await connect(phone);
  await agrees("after the network was lost");

  plugin.edit(equipment);
  const version = equipment.config?.payload.configVersion;
  await until(() => picture.configVersion === version, "the phone has the new configuration");
  change();
  await act({ phone, equipment, plugin, until }, "with the new configuration");
  await agrees("with the new configuration");

  await phone.disconnect();
  await until(() => equipment.connected === 0 && equipment.appState === "background", "the phone is gone");
  return picture.text;
}

async function connect(phone: Phone): Promise<void> {
  const welcome = await phone.connect();
  if (welcome?.type !== "WELCOME") throw new Error(`Cannot connect: ${JSON.stringify(welcome)} ${phone.ended ?? ""}`);
}

/** The plugin has the phone do something. */
async function act({ phone, equipment, plugin, until }: ScenarioParts, message: string): Promise<void> {
  const { actions } = phone.picture;
  const before = actions.length;
  await until(() => plugin.act(equipment, { action: "toaster", message }), "the phone counts as connected");
  await until(() => actions.length > before, `the action ${message}`);
  // It lives, after what it was told: that was heard, and need not be said again.
  await phone.tell("PING");
}
