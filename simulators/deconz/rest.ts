/** The REST API: one request to one answer. */
import { notAvailable, ok, type RestAnswer, refuse, success } from "./answers.ts";
import { basicConfig, configRules } from "./gateway-config.ts";
import type { House } from "./house.ts";
import type { Json, JsonObject } from "./json.ts";
import type { Keys } from "./keys.ts";
import type { Question } from "./question.ts";
import { answerAlarms } from "./rest-alarms.ts";
import { answerGroups } from "./rest-groups.ts";
import { answerLights } from "./rest-lights.ts";
import { answerSensors } from "./rest-sensors.ts";

export interface RestRequest {
  readonly method: string;
  /** Levels after `/api`. */
  readonly path: readonly string[];
  /** The body's object; empty where there is none. */
  readonly wish: JsonObject;
  /** The body is an object or array of JSON. */
  readonly isJson: boolean;
  readonly empty: boolean;
  readonly address: string;
  readonly host: string;
  readonly authorization: string;
}

/** What the gateway cannot know of itself. */
export interface Whereabouts {
  readonly websocketport: number;
  readonly port: number;
}

/** Kinds of which this house has none. */
const emptyKinds = ["rules", "schedules", "resourcelinks"];

export class Rest {
  readonly #house: House;
  readonly #keys: Keys;
  readonly #whereabouts: () => Whereabouts;
  readonly #now: () => number;

  constructor(house: House, keys: Keys, whereabouts: () => Whereabouts, now: () => number) {
    this.#house = house;
    this.#keys = keys;
    this.#whereabouts = whereabouts;
    this.#now = now;
  }

  answer(request: RestRequest): RestAnswer {
    const { method, path } = request;
    const [key, kind, ...rest] = path;
    if (key === undefined)
      return method === "POST" ? this.#keys.pair(request) : refuse(404, 4, "/", this.#noMethod(request));
    if (method === "GET" && path.length === 1 && key === "challenge") return this.#keys.challenge();
    if (!this.#keys.owners.has(key)) {
      const basic =
        method === "GET" && ((path.length === 1 && key === "config") || (path.length === 2 && kind === "config"));
      if (basic) return ok(basicConfig(this.#house.config));
      return refuse(403, 1, `/${path.slice(1).join("/")}`, "unauthorized user");
    }
    if (kind === undefined)
      return method === "GET" ? ok(this.#everything()) : refuse(404, 4, "/", this.#noMethod(request));
    return this.#answerKind(request, kind, rest);
  }

  #answerKind(request: RestRequest, kind: string, rest: readonly string[]): RestAnswer {
    const { method, wish, isJson, empty } = request;
    const address = `/${[kind, ...rest].join("/")}`;
    const question: Question = { house: this.#house, method, rest, wish, isJson, empty, address };
    switch (kind) {
      case "lights":
        return answerLights(question);
      case "sensors":
        return answerSensors(question);
      case "groups":
        return answerGroups(question);
      case "alarmsystems":
        return answerAlarms(question);
      case "config":
        return this.#answerConfig(question);
      default:
        if (method === "GET" && emptyKinds.includes(kind)) return rest.length === 0 ? ok({}) : notAvailable(address);
        return refuse(404, 4, address, this.#noMethod(request));
    }
  }

  #everything(): JsonObject {
    const all = (kind: "lights" | "sensors" | "groups" | "alarmsystems"): JsonObject =>
      Object.fromEntries(this.#house.resources[kind]);
    return {
      alarmsystems: all("alarmsystems"),
      config: this.#wholeConfig(),
      groups: all("groups"),
      lights: all("lights"),
      resourcelinks: {},
      rules: {},
      scenes: {},
      schedules: {},
      sensors: all("sensors"),
    };
  }

  #wholeConfig(): JsonObject {
    const { config } = this.#house;
    const time = new Date(this.#now()).toISOString().slice(0, 19);
    return {
      ...basicConfig(config),
      ...config,
      UTC: time,
      linkbutton: this.#keys.unlocked,
      localtime: time,
      port: this.#whereabouts().port,
      websocketport: this.#whereabouts().websocketport,
      whitelist: this.#keys.whitelist(),
    };
  }

  #answerConfig({ method, rest, wish, isJson, address }: Question): RestAnswer {
    const [first, second] = rest;
    if (method === "GET" && first === undefined) return ok(this.#wholeConfig());
    if (method === "DELETE" && first === "whitelist" && second !== undefined) {
      return ok(this.#keys.owners.delete(second) ? [{ success: `/config/whitelist/${second} deleted.` }] : []);
    }
    if ((method !== "PUT" && method !== "PATCH") || first !== undefined) {
      return refuse(404, 4, address, `method, ${method}, not available for resource, ${address}`);
    }
    if (!isJson) return refuse(400, 2, address, "body contains invalid JSON");
    const answers: Json[] = [];
    for (const [name, value] of Object.entries(wish)) {
      const at = `/config/${name}`;
      const rule = configRules[name];
      if (rule === undefined) return refuse(400, 6, at, `parameter, ${name}, not available`);
      if (!rule(value)) return refuse(400, 7, at, `invalid value, ${String(value)}, for parameter, ${name}`);
      if (name === "unlock") this.#keys.unlockedUntil = this.#now() + Number(value) * 1000;
      else this.#house.config[name] = value;
      answers.push(success(at, value));
    }
    return ok(answers);
  }

  #noMethod({ method, path }: RestRequest): string {
    return `method, ${method}, not available for resource, /${path.slice(1).join("/")}`;
  }
}
