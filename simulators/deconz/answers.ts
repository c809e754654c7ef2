/** How the gateway words its answers: lists of successes and errors. */
import type { Json } from "./json.ts";

export interface RestAnswer {
  readonly status: number;
  readonly body: Json;
}

export function failure(type: number, address: string, description: string): Json {
  return { error: { address: escaped(address), description: escaped(description), type } };
}

export function success(address: string, value: Json): Json {
  return { success: { [address]: value } };
}

export function refuse(status: number, type: number, address: string, description: string): RestAnswer {
  return { status, body: [failure(type, address, description)] };
}

export function ok(body: Json): RestAnswer {
  return { status: 200, body };
}

export function notAvailable(address: string): RestAnswer {
  return refuse(404, 3, address, `resource, ${address}, not available`);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
