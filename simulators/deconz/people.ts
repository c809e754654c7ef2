/** The people of the house: what they do, when. The same seed lives the same days. */
import { Plans } from "../plans.ts";
import { Seed } from "../seed.ts";
import type { House } from "./house.ts";
import { lightsOf } from "./house.ts";
import { type JsonObject, objectOf } from "./json.ts";
import { rooms, type SensorType } from "./plan.ts";

/** How sensors drift: by how much at most, around where they began. */
const drifts: Readonly<Partial<Record<SensorType, readonly [member: string, step: number]>>> = {
  ZHATemperature: ["temperature", 12],
  ZHAHumidity: ["humidity", 60],
  ZHAPressure: ["pressure", 1],
  ZHALightLevel: ["lightlevel", 700],
  ZHAPower: ["power", 20],
  ZHAConsumption: ["consumption", 5],
  ZHAThermostat: ["valve", 4],
};

export class People {
  readonly #house: House;
  readonly #seed: Seed;
  readonly #plans: Plans;
  #where = 0;

  constructor(house: House, seed: number, now: number) {
    this.#house = house;
    this.#seed = new Seed(seed);
    this.#plans = new Plans(now);
    // Somebody was home before anybody looked.
    for (const room of ["1", "2", "7"]) this.#light(room, true, 0.6);
    this.#plans.in(300, () => this.#live());
  }

  /** Everything that happens up to then. */
  liveUntil(time: number): void {
    this.#plans.liveUntil(time);
  }

  /** A button as a hand moves it: `short` gives 1000 and 1002, `long` 1001 and then 1003; thousands are the button. */
  press(id: string, button: number, how: "short" | "long"): void {
    const tell = (code: number, eventduration: number): void =>
      this.#house.change("sensors", id, "state", { buttonevent: button * 1000 + code, eventduration });
    if (how === "short") {
      tell(0, 0);
      this.#plans.in(120, () => tell(2, 1));
    } else {
      this.#plans.in(800, () => tell(1, 8));
      this.#plans.in(2000, () => tell(3, 20));
    }
  }

  #live(): void {
    this.#plans.in(this.#seed.between(250, 900), () => this.#live());
    const chance = this.#seed.next();
    if (chance < 0.6) this.#drift();
    else if (chance < 0.7) this.#dim();
    else if (chance < 0.8) this.#seen();
    else if (chance < 0.95) this.#walk();
    else if (chance < 0.98) this.#door();
    else this.#sceneByHand();
  }

  #sensors(type: string, room?: string): string[] {
    return [...this.#house.resources.sensors]
      .filter(([, sensor]) => sensor["type"] === type)
      .filter(([, { name }]) => room === undefined || (typeof name === "string" && name.startsWith(`${room} `)))
      .map(([id]) => id);
  }

  #drift(): void {
    const [type, [member, step]] = this.#seed.one(Object.entries(drifts));
    const ids = this.#sensors(type);
    if (ids.length === 0) return;
    const id = this.#seed.one(ids);
    const state = objectOf(this.#house.resources.sensors.get(id)?.["state"]);
    const value = Math.max(0, Math.round(Number(state[member]) + this.#seed.between(-step, step)));
    const changes: JsonObject = type === "ZHALightLevel" ? { dark: value < 12_000, lux: Math.round(value / 900) } : {};
    this.#house.change("sensors", id, "state", { ...changes, [member]: value });
  }

  #dim(): void {
    const lit = [...this.#house.resources.lights].filter(([, { state }]) => {
      const { on, bri } = objectOf(state);
      return on === true && typeof bri === "number";
    });
    if (lit.length === 0) return;
    const [id] = this.#seed.one(lit);
    this.#house.change("lights", id, "state", { bri: Math.round(this.#seed.between(20, 254)) });
  }

  #seen(): void {
    const kind = this.#seed.next() < 0.5 ? "lights" : "sensors";
    const ids = [...this.#house.resources[kind]].filter(([, { lastseen }]) => lastseen !== undefined).map(([id]) => id);
    if (ids.length > 0) this.#house.heard(kind, this.#seed.one(ids));
  }

  /** Somebody goes into another room: motion, a press on its switch or not, light there and darkness behind. */
  #walk(): void {
    const from = this.#where;
    this.#where = Math.floor(this.#seed.next() * rooms.length);
    if (this.#where === from) return;
    const there = rooms[this.#where]?.name ?? "";
    for (const id of this.#sensors("ZHAPresence", there)) {
      this.#house.change("sensors", id, "state", { presence: true });
      this.#plans.in(this.#seed.between(4000, 20_000), () => {
        this.#house.change("sensors", id, "state", { presence: false });
      });
    }
    const [button] = this.#sensors("ZHASwitch", there);
    if (button !== undefined) {
      const how = this.#seed.next() < 0.8 ? "short" : "long";
      this.press(button, 1 + Math.floor(this.#seed.next() * 4), how);
    }
    this.#light(String(this.#where + 1), true, 0.5);
    this.#light(String(from + 1), false, 0.7);
  }

  #light(group: string, on: boolean, share: number): void {
    for (const id of lightsOf(this.#house.resources.groups.get(group) ?? {})) {
      const state = objectOf(this.#house.resources.lights.get(id)?.["state"]);
      if (state["on"] !== on && this.#seed.next() < share) this.#house.change("lights", id, "state", { on });
    }
  }

  #door(): void {
    const ids = this.#sensors("ZHAOpenClose");
    if (ids.length === 0) return;
    const id = this.#seed.one(ids);
    this.#house.change("sensors", id, "state", { open: true });
    this.#plans.in(this.#seed.between(1500, 8000), () => this.#house.change("sensors", id, "state", { open: false }));
  }

  #sceneByHand(): void {
    const group = this.#seed.one([...this.#house.resources.groups.keys()]);
    this.#house.callScene(group, String(1 + Math.floor(this.#seed.next() * 3)));
  }
}
