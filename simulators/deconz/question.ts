/** A request of somebody with a key, and the answers that all kinds of resources share. */
import { notAvailable, ok, type RestAnswer, refuse } from "./answers.ts";
import type { Kind } from "./building.ts";
import type { House } from "./house.ts";
import { isObject, type JsonObject, type Resource } from "./json.ts";

export interface Question {
  readonly house: House;
  readonly method: string;
  /** Levels after the kind. */
  readonly rest: readonly string[];
  readonly wish: JsonObject;
  readonly isJson: boolean;
  readonly empty: boolean;
  /** The path after the key, for errors. */
  readonly address: string;
}

/** GET of a list or of one of its resources; nothing where it is neither. */
export function answerReading({ house, method, rest, address }: Question, kind: Kind): RestAnswer | undefined {
  const [id, ...more] = rest;
  if (method !== "GET" || more.length > 0) return undefined;
  if (id === undefined) return ok(Object.fromEntries(house.resources[kind]));
  const found = house.find(kind, id);
  return found === undefined ? notAvailable(address) : ok(found);
}

/** The resource that a request is about, by id or uniqueid. */
export function resourceOf(
  { house, rest }: Question,
  kind: Kind,
): { readonly id: string; readonly resource: Resource } | undefined {
  const resource = house.find(kind, rest[0] ?? "");
  return resource === undefined ? undefined : { id: house.idOf(kind, resource), resource };
}

export function noMethod({ method, address }: Question): RestAnswer {
  return refuse(404, 4, address, `method, ${method}, not available for resource, ${address}`);
}

export function noJson({ address }: Question): RestAnswer {
  return refuse(400, 2, address, "body contains invalid JSON");
}

export function readBody(text: string): { readonly wish: JsonObject; readonly isJson: boolean } {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return { wish: value, isJson: true };
    return { wish: {}, isJson: false };
  } catch {
    return { wish: {}, isJson: false };
  }
}
