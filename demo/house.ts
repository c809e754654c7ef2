/**
 * A small house that lives by itself: somebody walks through its rooms, lights go on and off, sensors drift. Pure but for
 * its own seed, so that the same seed lives the same day.
 */

export interface Push {
  readonly channel: "home/lights" | "home/sensors" | "home/events";
  /** Of the maps; events have none. */
  readonly key?: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Light {
  readonly room: string;
  readonly name: string;
  on: boolean;
  brightness: number;
}

interface Sensor {
  readonly room: string;
  readonly name: string;
  value: number | string | boolean;
  readonly unit?: string;
  /** Where a number likes to be, and how far one step takes it. */
  readonly rest?: number;
  readonly step?: number;
}

const light = (room: string, name: string, brightness: number, on = false): Light => ({ room, name, on, brightness });
const climate = (room: string, name: string, value: number, unit: string, step: number): Sensor => ({
  room,
  name,
  value,
  unit,
  rest: value,
  step,
});

export class House {
  readonly #lights: readonly Light[] = [
    light("Kitchen", "Ceiling", 90, true),
    light("Kitchen", "Counter", 60, true),
    light("Living room", "Ceiling", 70),
    light("Living room", "Reading lamp", 45, true),
    light("Living room", "Shelf", 30),
    light("Hall", "Ceiling", 80),
    light("Hall", "Stairs", 25),
    light("Bedroom", "Ceiling", 60),
    light("Bedroom", "Bedside", 20),
    light("Bathroom", "Mirror", 100),
    light("Study", "Desk", 75),
    light("Garden", "Terrace", 40),
  ];
  readonly #sensors: readonly Sensor[] = [
    climate("Kitchen", "Temperature", 21.4, "°C", 0.1),
    climate("Living room", "Temperature", 20.8, "°C", 0.1),
    climate("Living room", "Humidity", 46, "%", 1),
    climate("Bedroom", "Temperature", 18.6, "°C", 0.1),
    climate("Bathroom", "Humidity", 58, "%", 1),
    climate("Study", "CO₂", 640, "ppm", 20),
    climate("Garden", "Temperature", 9.7, "°C", 0.2),
    { room: "Hall", name: "Front door", value: "closed" },
    { room: "Hall", name: "Motion", value: false },
    { room: "Garden", name: "Gate", value: "closed" },
  ];
  /** What has happened and is still to be told, one thing at a time. */
  readonly #untold: Push[] = [];
  #where = "Kitchen";
  #seed: number;

  constructor(seed = 8642) {
    this.#seed = seed;
  }

  /** Everything as it is now: what a gateway that knows nothing has to be told. */
  everything(): Push[] {
    return [...this.#lights.map(lightPush), ...this.#sensors.map(sensorPush)];
  }

  /** The next thing that happens. */
  next(): Push {
    const push = this.#untold.shift();
    if (push !== undefined) return push;
    const chance = this.#chance();
    if (chance < 0.62) return this.#drift();
    if (chance < 0.76) return this.#dim();
    if (chance < 0.94) this.#walk();
    else this.#door();
    return this.#untold.shift() ?? this.#drift();
  }

  /** ms until the next thing: one to three a second. */
  pause(): number {
    return 330 + this.#chance() * 670;
  }

  /** Mulberry32: small, even enough for a house, and the same on every machine. */
  #chance(): number {
    this.#seed = (this.#seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#seed ^ (this.#seed >>> 15), 1 | this.#seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  #one<T>(list: readonly T[]): T {
    return list[Math.floor(this.#chance() * list.length)] as T;
  }

  /** A reading moves a little, more often towards where it likes to be. */
  #drift(): Push {
    const sensor = this.#one(this.#sensors.filter(({ step }) => step !== undefined));
    const { value, rest = 0, step = 0 } = sensor;
    const up = this.#chance() < 0.5 - (Number(value) - rest) / (step * 20);
    sensor.value = Number((Number(value) + (up ? step : -step)).toFixed(1));
    return sensorPush(sensor);
  }

  #dim(): Push {
    const lit = this.#lights.filter(({ on }) => on);
    if (lit.length === 0) return this.#drift();
    const chosen = this.#one(lit);
    chosen.brightness = 10 * (1 + Math.floor(this.#chance() * 10));
    return lightPush(chosen);
  }

  /** Somebody goes into another room, by way of the hall: light where they are, darkness where they were. */
  #walk(): void {
    const rooms = ["Kitchen", "Living room", "Bedroom", "Bathroom", "Study", "Garden"];
    const from = this.#where;
    const to = this.#one(rooms.filter((room) => room !== from));
    this.#where = to;
    this.#sense("Motion", true);
    this.#tell({ type: "motion", room: "Hall" });
    this.#press(to, "on");
    for (const each of this.#lights) {
      if (each.room === to && !each.on && this.#chance() < 0.8) this.#switch(each, true);
      else if (each.room === from && each.on && this.#chance() < 0.4) this.#switch(each, false);
    }
    this.#sense("Motion", false);
  }

  #door(): void {
    const door = this.#chance() < 0.6 ? "Front door" : "Gate";
    this.#sense(door, "open");
    this.#tell({ type: "door", name: door, value: "open" });
    this.#sense(door, "closed");
    this.#tell({ type: "door", name: door, value: "closed" });
  }

  #press(room: string, button: string): void {
    this.#tell({ type: "button", room, button, press: this.#chance() < 0.85 ? "short" : "long" });
  }

  #switch(each: Light, on: boolean): void {
    each.on = on;
    this.#untold.push(lightPush(each));
  }

  #sense(name: string, value: string | boolean): void {
    const sensor = this.#sensors.find((each) => each.name === name);
    if (sensor === undefined) return;
    sensor.value = value;
    this.#untold.push(sensorPush(sensor));
  }

  #tell(data: Push["data"]): void {
    this.#untold.push({ channel: "home/events", data });
  }
}

/** Keys say where and what: `living-room/shelf`. */
function keyOf({ room, name }: { readonly room: string; readonly name: string }): string {
  return `${room}/${name}`.toLowerCase().replaceAll("₂", "2").replaceAll(" ", "-");
}

function lightPush(each: Light): Push {
  const { room, name, on, brightness } = each;
  return { channel: "home/lights", key: keyOf(each), data: { room, name, on, brightness } };
}

function sensorPush(each: Sensor): Push {
  const { room, name, value, unit } = each;
  return { channel: "home/sensors", key: keyOf(each), data: { room, name, value, ...(unit && { unit }) } };
}
