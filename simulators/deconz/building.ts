/** Makes the resources of the plan as a gateway has them after everything was paired. */
import type { JsonObject, Resource } from "./json.ts";
import { firstStates, type LightKind, type Room, rooms, type SensorType, sceneNames, virtualSensors } from "./plan.ts";

export type Kind = "lights" | "sensors" | "groups" | "alarmsystems";
export type Resources = Readonly<Record<Kind, Map<string, Resource>>>;

const firmware = "20240611";

function address(number: number, endpoint: string): string {
  const tail = number.toString(16).padStart(6, "0").replace(/../g, ":$&");
  return `00:15:8d:00:01${tail}-${endpoint}`;
}

const lightTypes: Readonly<Record<LightKind, readonly [type: string, state: Resource]>> = {
  color: [
    "Extended color light",
    { bri: 180, colormode: "xy", ct: 366, effect: "none", hue: 8000, sat: 140, xy: [0.4573, 0.41] },
  ],
  white: ["Color temperature light", { bri: 200, colormode: "ct", ct: 350 }],
  dimmable: ["Dimmable light", { bri: 160 }],
  onoff: ["On/Off light", {}],
  plug: ["On/Off plug-in unit", {}],
  covering: ["Window covering device", { bri: 0, lift: 0, open: true }],
};

function light(name: string, kind: LightKind, number: number): Resource {
  const [type, state] = lightTypes[kind];
  return {
    etag: "",
    hascolor: kind === "color" || kind === "white",
    lastannounced: null,
    lastseen: "2026-01-01T00:00Z",
    manufacturername: kind === "color" ? "Signify" : "IKEA of Sweden",
    modelid: `${kind}-${number}`,
    name,
    state: { ...state, alert: "none", on: false, reachable: true },
    swversion: firmware,
    type,
    uniqueid: address(number, "01"),
  };
}

export function sensor(name: string, type: string, number: number, state: JsonObject): Resource {
  const virtual = type.startsWith("CLIP") || type === "Daylight";
  return {
    config: virtual
      ? { on: true, reachable: true }
      : {
          battery: 50 + ((number * 7) % 50),
          on: true,
          pending: [],
          reachable: true,
          ...(type === "ZHAThermostat" ? { heatsetpoint: 2100, mode: "auto", schedule: {} } : {}),
        },
    ep: 1,
    etag: "",
    ...(virtual ? {} : { lastannounced: null, lastseen: "2026-01-01T00:00Z" }),
    manufacturername: virtual ? "dresden elektronik" : "LUMI",
    modelid: virtual ? type : `lumi.${type.toLowerCase().slice(3)}`,
    name,
    state: { ...state, lastupdated: "none" },
    ...(virtual ? {} : { swversion: firmware }),
    type,
    uniqueid: address(number, "01-0402"),
  };
}

function scene(id: number, name: string, lights: readonly string[]): Resource {
  return { id: String(id), lightcount: lights.length, name, transitiontime: 4 };
}

export function group(name: string, lights: readonly string[], scenes: readonly Resource[]): Resource {
  return {
    action: {
      bri: 127,
      colormode: "ct",
      ct: 350,
      effect: "none",
      hue: 0,
      on: false,
      sat: 127,
      scene: null,
      xy: [0.3, 0.3],
    },
    devicemembership: [],
    etag: "",
    lights: [...lights],
    name,
    scenes: [...scenes],
    state: { all_on: false, any_on: false },
    type: "LightGroup",
  };
}

/** The name that people give a device: what it is, after the room that it is in. */
function sensorName(room: Room, type: SensorType): string {
  const what = type
    .replace("ZHA", "")
    .replace(/(?<=[a-z])(?=[A-Z])/g, " ")
    .toLowerCase();
  return type === "Daylight" ? "Daylight" : `${room.name} ${what}`;
}

export function build(): Resources {
  const resources: Resources = { lights: new Map(), sensors: new Map(), groups: new Map(), alarmsystems: new Map() };
  let number = 1;
  for (const [at, room] of rooms.entries()) {
    const ids = room.lights.map(([name, kind]) => {
      const id = String(resources.lights.size + 1);
      resources.lights.set(id, light(`${room.name} ${name}`, kind, number++));
      return id;
    });
    const scenes = sceneNames.map((name, which) => scene(which + 1, name, ids));
    const made = group(room.name, ids, scenes);
    resources.groups.set(String(at + 1), { ...made, id: String(at + 1) });
    for (const type of room.sensors) {
      const id = String(resources.sensors.size + 1);
      resources.sensors.set(id, sensor(sensorName(room, type), type, number++, firstStates[type]));
    }
  }
  for (const [name, type] of virtualSensors) {
    const id = String(resources.sensors.size + 1);
    resources.sensors.set(id, sensor(name, type, number++, firstStates[type]));
  }
  resources.alarmsystems.set("1", {
    config: { armmode: "disarmed", configured: true, disarmed_entry_delay: 0, disarmed_exit_delay: 0 },
    devices: {},
    name: "default",
    state: { armstate: "disarmed", seconds_remaining: 0 },
  });
  return resources;
}
