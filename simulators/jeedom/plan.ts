/** The house as its owner set it up in Jeedom: rooms, and what is in each. */

export interface RoomPlan {
  readonly name: string;
  /** The room that it is part of. */
  readonly within?: string;
  readonly equipments: readonly (readonly [name: string, kind: EquipmentKind])[];
}

export interface CommandPlan {
  readonly name: string;
  readonly logicalId: string;
  readonly type: "info" | "action";
  readonly subType: "binary" | "numeric" | "string" | "other" | "slider" | "message";
  readonly genericType?: string;
  readonly unit?: string;
  /** What it says before anything has happened. */
  readonly first?: string | number;
  /** The `logicalId` of the information that an action changes. */
  readonly changes?: string;
}

const info = (
  name: string,
  logicalId: string,
  subType: "binary" | "numeric" | "string",
  genericType: string,
  first: string | number,
  unit?: string,
): CommandPlan => ({
  name,
  logicalId,
  type: "info",
  subType,
  genericType,
  first,
  ...(unit === undefined ? {} : { unit }),
});

const action = (
  name: string,
  logicalId: string,
  genericType: string,
  changes: string,
  subType: "other" | "slider" | "message" = "other",
): CommandPlan => ({ name, logicalId, type: "action", subType, genericType, changes });

const battery = info("Batterie", "battery", "numeric", "BATTERY", 87, "%");
const onOff = (what: "LIGHT" | "ENERGY"): readonly CommandPlan[] => [
  info("Etat", "state", "binary", `${what}_STATE`, 0),
  action("Allumer", "on", `${what}_ON`, "state"),
  action("Eteindre", "off", `${what}_OFF`, "state"),
];

/** What equipment of each kind has. */
export const equipmentKinds = {
  lampe: [
    ...onOff("LIGHT"),
    info("Luminosité", "brightness", "numeric", "LIGHT_BRIGHTNESS", 60, "%"),
    action("Régler", "dim", "LIGHT_SLIDER", "brightness", "slider"),
  ],
  prise: [...onOff("ENERGY"), info("Puissance", "power", "numeric", "POWER", 12.5, "W")],
  climat: [
    info("Température", "temperature", "numeric", "TEMPERATURE", 20.5, "°C"),
    info("Humidité", "humidity", "numeric", "HUMIDITY", 48, "%"),
    battery,
  ],
  mouvement: [
    info("Présence", "presence", "binary", "PRESENCE", 0),
    info("Eclairement", "illuminance", "numeric", "BRIGHTNESS", 120, "lx"),
    battery,
  ],
  ouverture: [info("Ouverture", "opening", "binary", "OPENING", 0), battery],
  volet: [
    info("Position", "position", "numeric", "FLAP_STATE", 100, "%"),
    action("Monter", "up", "FLAP_UP", "position"),
    action("Descendre", "down", "FLAP_DOWN", "position"),
    action("Positionner", "move", "FLAP_SLIDER", "position", "slider"),
  ],
  thermostat: [
    info("Consigne", "setpoint", "numeric", "THERMOSTAT_SETPOINT", 20, "°C"),
    info("Mode", "mode", "string", "THERMOSTAT_MODE", "Confort"),
    action("Choisir la consigne", "choose", "THERMOSTAT_SET_SETPOINT", "setpoint", "slider"),
  ],
  meteo: [
    info("Conditions", "conditions", "string", "WEATHER_CONDITION", "Éclaircies"),
    info("Température", "temperature", "numeric", "WEATHER_TEMPERATURE", 14.2, "°C"),
    info("Vent", "wind", "numeric", "WEATHER_WIND_SPEED", 11, "km/h"),
  ],
  alarme: [
    info("Activée", "armed", "binary", "ALARM_ENABLE_STATE", 0),
    action("Activer", "on", "ALARM_ARMED", "armed"),
    action("Désactiver", "off", "ALARM_RELEASED", "armed"),
  ],
} as const satisfies Record<string, readonly CommandPlan[]>;
export type EquipmentKind = keyof typeof equipmentKinds;

export const rooms: readonly RoomPlan[] = [
  {
    name: "Maison",
    equipments: [
      ["Alarme", "alarme"],
      ["Météo", "meteo"],
      ["Chauffage", "thermostat"],
    ],
  },
  {
    name: "Cuisine",
    within: "Maison",
    equipments: [
      ["Plafonnier", "lampe"],
      ["Plan de travail", "lampe"],
      ["Cafetière", "prise"],
      ["Lave-vaisselle", "prise"],
      ["Air de la cuisine", "climat"],
      ["Détecteur", "mouvement"],
      ["Fenêtre", "ouverture"],
      ["Volet", "volet"],
    ],
  },
  {
    name: "Salon",
    within: "Maison",
    equipments: [
      ["Plafonnier", "lampe"],
      ["Liseuse", "lampe"],
      ["Canapé", "lampe"],
      ["Télévision", "prise"],
      ["Air du salon", "climat"],
      ["Détecteur", "mouvement"],
      ["Baie vitrée", "ouverture"],
      ["Volet gauche", "volet"],
      ["Volet droit", "volet"],
    ],
  },
  {
    name: "Entrée",
    within: "Maison",
    equipments: [
      ["Plafonnier", "lampe"],
      ["Détecteur", "mouvement"],
      ["Porte d'entrée", "ouverture"],
    ],
  },
  {
    name: "Chambre des parents",
    within: "Maison",
    equipments: [
      ["Plafonnier", "lampe"],
      ["Chevet gauche", "lampe"],
      ["Chevet droit", "lampe"],
      ["Air de la chambre", "climat"],
      ["Volet", "volet"],
      ["Radiateur", "thermostat"],
    ],
  },
  {
    name: "Chambre des enfants",
    within: "Maison",
    equipments: [
      ["Plafonnier", "lampe"],
      ["Veilleuse", "lampe"],
      ["Air de la chambre", "climat"],
      ["Volet", "volet"],
      ["Radiateur", "thermostat"],
    ],
  },
  {
    name: "Salle de bains",
    within: "Maison",
    equipments: [
      ["Plafonnier", "lampe"],
      ["Miroir", "lampe"],
      ["Air de la salle de bains", "climat"],
      ["Sèche-serviettes", "prise"],
    ],
  },
  {
    name: "Bureau",
    within: "Maison",
    equipments: [
      ["Plafonnier", "lampe"],
      ["Écran", "prise"],
      ["Imprimante", "prise"],
      ["Air du bureau", "climat"],
      ["Détecteur", "mouvement"],
    ],
  },
  {
    name: "Garage",
    within: "Maison",
    equipments: [
      ["Néon", "lampe"],
      ["Congélateur", "prise"],
      ["Portail", "ouverture"],
      ["Détecteur", "mouvement"],
    ],
  },
  {
    name: "Jardin",
    equipments: [
      ["Terrasse", "lampe"],
      ["Allée", "lampe"],
      ["Arrosage", "prise"],
      ["Air du jardin", "climat"],
    ],
  },
];

/** What a summary counts, or averages, by the generic type of a command. */
export const summaries: Readonly<
  Record<string, { readonly key: string; readonly how: "sum" | "average"; readonly unit?: string }>
> = {
  LIGHT_STATE: { key: "light", how: "sum" },
  OPENING: { key: "door", how: "sum" },
  PRESENCE: { key: "motion", how: "sum" },
  POWER: { key: "power", how: "sum", unit: "W" },
  TEMPERATURE: { key: "temperature", how: "average", unit: "°C" },
  HUMIDITY: { key: "humidity", how: "average", unit: "%" },
};

export const scenarios: readonly (readonly [name: string, group: string])[] = [
  ["Bonne nuit", "Routine"],
  ["Réveil", "Routine"],
  ["Départ de la maison", "Présence"],
  ["Arrosage du soir", "Jardin"],
];

export const messages = [
  "Batterie faible sur le détecteur de l'entrée",
  "Le congélateur n'a pas donné de nouvelles depuis 30 minutes",
  "Mise à jour disponible : 2 plugins",
  "Échec de la récupération de la météo, nouvel essai à l'heure prochaine",
] as const;
