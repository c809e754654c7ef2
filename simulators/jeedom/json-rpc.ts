/** The envelope of Jeedom's API: what is asked, and how it is answered. */
import { Fault, type Params } from "./methods.ts";

export interface Question {
  readonly version: unknown;
  readonly id: unknown;
  readonly method: string;
  readonly params: Params;
}

/** The question in a body: JSON itself, or a form whose field `request` holds it. */
export function readQuestion(body: string): Question {
  const text = body.trimStart().startsWith("{") ? body : (new URLSearchParams(body).get("request") ?? "");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = {};
  }
  const { jsonrpc, id, method, params } = (typeof value === "object" && value !== null ? value : {}) as Params;
  const isObject = typeof params === "object" && params !== null && !Array.isArray(params);
  return {
    version: jsonrpc,
    id: id ?? 99_999,
    method: typeof method === "string" ? method : "",
    params: isObject ? (params as Params) : {},
  };
}

/** `sayOk`: `"ok"` stands for whatever is empty. */
export function resultText(id: unknown, result: unknown, sayOk: boolean): string {
  const said = sayOk && isEmpty(result) ? "ok" : (result ?? null);
  return JSON.stringify({ jsonrpc: "2.0", id, result: said });
}

export function errorText(id: unknown, thrown: unknown): string {
  const fault = thrown instanceof Fault ? thrown : new Fault(0, String(thrown));
  return JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32_000 - fault.code, message: fault.message } });
}

/** As PHP sees it. */
function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0;
  return value === undefined || value === null || value === false || value === 0 || value === "" || value === "0";
}

/** Bytes of the answer: U+DC80 to U+DCFF, which JSON writes as escapes, are bytes that are no UTF-8. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const parts = text.split(/\\udc([89a-f][0-9a-f])/);
  if (parts.length === 1) return Uint8Array.from(Buffer.from(text));
  const pieces = parts.map((part, at) => (at % 2 === 0 ? Buffer.from(part) : Buffer.from(part, "hex")));
  return Uint8Array.from(Buffer.concat(pieces));
}
