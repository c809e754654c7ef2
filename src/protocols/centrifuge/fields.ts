/** Reading the fields of commands, which may be anything. Pure. */
import { Refused } from "../../core/refusals.ts";
import type { JsonText } from "../../ports.ts";
import type { Params } from "./wire.ts";

function wrong(name: string, kind: string): Refused {
  return new Refused("badRequest", `Cannot use a \`${name}\` that is no ${kind}`);
}

export function textField(params: Params, name: string): string {
  const value = params[name] ?? "";
  if (typeof value === "string") return value;
  throw wrong(name, "text");
}

export function flagField(params: Params, name: string): boolean {
  const value = params[name] ?? false;
  if (typeof value === "boolean") return value;
  throw wrong(name, "`true` or `false`");
}

/** A whole number; 0 when absent. */
export function numberField(params: Params, name: string): number {
  const value = params[name] ?? 0;
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  throw wrong(name, "whole number");
}

/** A place in a stream cannot be before its beginning. */
export function offsetField(params: Params, name: string): number {
  const value = numberField(params, name);
  if (value >= 0) return value;
  throw wrong(name, "offset");
}

export function dataField(params: Params): JsonText {
  const value = params["data"];
  if (typeof value === "string") return value;
  throw new Refused("badRequest", "Cannot do it without `data`");
}

/** An object, empty when absent. */
export function objectField(params: Params, name: string): Params {
  const value = params[name] ?? {};
  if (typeof value === "object" && !Array.isArray(value)) return value as Params;
  throw wrong(name, "object");
}
