/** The people of the house: what they do, when. The same seed lives the same days. */
import { Plans } from "../plans.ts";
import { Seed } from "../seed.ts";
import type { House } from "./house.ts";
import { messages } from "./plan.ts";

/** How measured values drift, by how much at most, within what. */
const drifts: readonly (readonly [genericType: string, step: number, least: number, most: number])[] = [
  ["TEMPERATURE", 0.3, 15, 28],
  ["HUMIDITY", 2, 25, 80],
  ["POWER", 40, 0, 2200],
  ["BRIGHTNESS", 60, 0, 900],
  ["WEATHER_TEMPERATURE", 0.5, -5, 35],
  ["WEATHER_WIND_SPEED", 4, 0, 90],
];
const skies = ["Éclaircies", "Couvert", "Averses", "Orageux", "Ciel dégagé"] as const;

export class People {
  readonly #house: House;
  readonly #seed: Seed;
  readonly #plans: Plans;

  constructor(house: House, seed: number, now: number) {
    this.#house = house;
    this.#seed = new Seed(seed);
    this.#plans = new Plans(now);
    this.#plans.in(300, () => this.#live());
  }

  /** Everything that happens up to then. */
  liveUntil(time: number): void {
    this.#plans.liveUntil(time);
  }

  #live(): void {
    this.#plans.in(this.#seed.between(250, 900), () => this.#live());
    const chance = this.#seed.next();
    if (chance < 0.6) this.#drift();
    else if (chance < 0.75) this.#walk();
    else if (chance < 0.85) this.#toggle(this.#seed.next() < 0.8 ? "LIGHT_STATE" : "ENERGY_STATE");
    else if (chance < 0.92) this.#open();
    else if (chance < 0.95) this.#shutter();
    else if (chance < 0.97) this.#set("WEATHER_CONDITION", () => this.#seed.one(skies));
    else if (chance < 0.99) this.#routine();
    else this.#house.message(this.#seed.one(messages));
  }

  #set(genericType: string, value: (before: string | number) => string | number): number | undefined {
    const ids = this.#house.infos(genericType);
    if (ids.length === 0) return undefined;
    const id = this.#seed.one(ids);
    this.#house.set(id, value(this.#house.command(id).state));
    return id;
  }

  #drift(): void {
    const [type, step, least, most] = this.#seed.one(drifts);
    this.#set(type, (before) => {
      const value = (Number(before) || 0) + this.#seed.between(-step, step);
      return Math.round(Math.min(most, Math.max(least, value)) * 10) / 10;
    });
  }

  #toggle(genericType: string): void {
    this.#set(genericType, (before) => (Number(before) === 1 ? 0 : 1));
  }

  /** Seen by a detector, and after some seconds not any more. */
  #walk(): void {
    const id = this.#set("PRESENCE", () => 1);
    if (id !== undefined) this.#plans.in(this.#seed.between(4000, 20_000), () => this.#house.set(id, 0));
  }

  #open(): void {
    const id = this.#set("OPENING", () => 1);
    if (id !== undefined) this.#plans.in(this.#seed.between(1500, 8000), () => this.#house.set(id, 0));
  }

  #shutter(): void {
    this.#set("FLAP_STATE", () => this.#seed.one([0, 30, 60, 100]));
  }

  #routine(): void {
    const id = this.#seed.one([...this.#house.building.scenarios.keys()]);
    this.#house.run(id, "run");
    this.#plans.in(this.#seed.between(200, 1500), () => this.#house.run(id, "stop"));
  }
}
