/** The house as it was built: rooms with their lights and devices, switches, scenes and the alarm. */
import type { Resource } from "./json.ts";

export interface Room {
  readonly name: string;
  /** Names of lights, each with what it can do. */
  readonly lights: readonly (readonly [name: string, kind: LightKind])[];
  /** Sensor types of its devices. */
  readonly sensors: readonly SensorType[];
}

export type LightKind = "color" | "white" | "dimmable" | "onoff" | "plug" | "covering";
export type SensorType = keyof typeof firstStates;

/** What a sensor of each type says before anything has happened. */
export const firstStates = {
  ZHASwitch: { buttonevent: null, eventduration: 0 },
  ZHAPresence: { presence: false },
  ZHALightLevel: { dark: true, daylight: false, lightlevel: 9000, lux: 8 },
  ZHATemperature: { temperature: 2080 },
  ZHAHumidity: { humidity: 4600 },
  ZHAPressure: { pressure: 1013 },
  ZHAOpenClose: { open: false },
  ZHAWater: { lowbattery: false, tampered: false, water: false },
  ZHAFire: { fire: false, lowbattery: false, tampered: false, test: false },
  ZHACarbonMonoxide: { carbonmonoxide: false, lowbattery: false, tampered: false },
  ZHAVibration: { orientation: [0, 0, 90], tiltangle: 0, vibration: false, vibrationstrength: 0 },
  ZHAAlarm: { alarm: false, lowbattery: false, tampered: false },
  ZHAPower: { current: 210, power: 46, voltage: 231 },
  ZHAConsumption: { consumption: 128_400 },
  ZHAThermostat: { on: true, temperature: 2050, valve: 64 },
  Daylight: {
    dark: false,
    daylight: true,
    status: 170,
    sunrise: "2026-06-21T03:12:05",
    sunset: "2026-06-21T20:41:31",
  },
  CLIPPresence: { presence: false },
  CLIPGenericFlag: { flag: false },
  CLIPTemperature: { temperature: 1800 },
} as const satisfies Record<string, Resource>;

export const rooms: readonly Room[] = [
  {
    name: "Kitchen",
    lights: [
      ["Ceiling", "white"],
      ["Counter left", "dimmable"],
      ["Counter right", "dimmable"],
      ["Table", "white"],
      ["Coffee machine", "plug"],
      ["Shelf", "color"],
    ],
    sensors: ["ZHASwitch", "ZHAPresence", "ZHALightLevel", "ZHATemperature", "ZHAFire", "ZHAWater", "ZHAPower"],
  },
  {
    name: "Living room",
    lights: [
      ["Ceiling", "white"],
      ["Reading lamp", "white"],
      ["Sofa", "color"],
      ["Shelf left", "color"],
      ["Shelf right", "color"],
      ["Television", "plug"],
      ["Blind", "covering"],
      ["Corner", "dimmable"],
    ],
    sensors: ["ZHASwitch", "ZHAPresence", "ZHATemperature", "ZHAHumidity", "ZHAPressure", "ZHAThermostat", "ZHAPower"],
  },
  {
    name: "Hall",
    lights: [
      ["Ceiling front", "dimmable"],
      ["Ceiling back", "dimmable"],
      ["Stairs", "dimmable"],
      ["Wardrobe", "onoff"],
      ["Mirror", "white"],
    ],
    sensors: ["ZHASwitch", "ZHAPresence", "ZHAOpenClose", "ZHAVibration", "ZHAAlarm"],
  },
  {
    name: "Bedroom",
    lights: [
      ["Ceiling", "white"],
      ["Bedside left", "color"],
      ["Bedside right", "color"],
      ["Wardrobe", "onoff"],
    ],
    sensors: ["ZHASwitch", "ZHATemperature", "ZHAHumidity", "ZHAOpenClose", "ZHAThermostat"],
  },
  {
    name: "Children",
    lights: [
      ["Ceiling", "white"],
      ["Globe", "color"],
      ["Desk", "white"],
      ["Night light", "dimmable"],
    ],
    sensors: ["ZHAPresence", "ZHATemperature", "ZHAOpenClose"],
  },
  {
    name: "Bathroom",
    lights: [
      ["Ceiling", "white"],
      ["Mirror", "white"],
      ["Shower", "dimmable"],
    ],
    sensors: ["ZHAPresence", "ZHATemperature", "ZHAHumidity", "ZHAWater"],
  },
  {
    name: "Study",
    lights: [
      ["Ceiling", "white"],
      ["Desk", "white"],
      ["Screen", "color"],
      ["Printer", "plug"],
    ],
    sensors: ["ZHASwitch", "ZHATemperature", "ZHACarbonMonoxide", "ZHAConsumption"],
  },
  {
    name: "Cellar",
    lights: [
      ["Ceiling", "onoff"],
      ["Workbench", "onoff"],
      ["Freezer", "plug"],
    ],
    sensors: ["ZHAPresence", "ZHATemperature", "ZHAConsumption"],
  },
  {
    name: "Garden",
    lights: [
      ["Terrace", "dimmable"],
      ["Path", "onoff"],
      ["Tree", "color"],
    ],
    sensors: ["ZHATemperature", "ZHAOpenClose", "ZHALightLevel", "Daylight"],
  },
];

/** Sensors that other programs of the house write into. */
export const virtualSensors: readonly (readonly [name: string, type: SensorType])[] = [
  ["Somebody is home", "CLIPPresence"],
  ["Holiday", "CLIPGenericFlag"],
  ["Forecast", "CLIPTemperature"],
];

export const sceneNames = ["Bright", "Evening", "Night"] as const;
