/** Methods that a backend of the user's answers by HTTP: who calls is told to it, and what it says no with is told back. */

import type { Dialer, JsonText, Log } from "../ports.ts";
import type { Callable } from "./calls.ts";
import { oneLine } from "./json.ts";
import { type RefusalKey, Refused } from "./refusals.ts";
import type { Principal } from "./session.ts";

export interface CallBackend {
  readonly url: string;
  /** For all of it, in ms. */
  readonly timeout: number;
  /** Of what is asked, and of what is answered, in bytes. */
  readonly max_size: number;
}

export interface CallBackendParts {
  readonly dialer: Dialer;
  readonly log: Log;
}

/** What a backend's status says; others are its own trouble. */
const statuses: Readonly<Record<number, RefusalKey>> = {
  400: "badRequest",
  401: "permissionDenied",
  403: "permissionDenied",
  404: "methodNotFound",
  405: "methodNotFound",
  409: "badRequest",
  413: "limitExceeded",
  422: "badRequest",
  429: "tooManyRequests",
};

/** `POST {"method","params","user"}`; the JSON that a 2xx answers with is the call's answer. */
export function backendCallable({ url, timeout, max_size: most }: CallBackend, parts: CallBackendParts): Callable {
  return async (params, by, method) => {
    if (Buffer.byteLength(params) > most) {
      throw new Refused("limitExceeded", `Cannot call ${method} with more than ${most} bytes`);
    }
    const body = `{"method":${JSON.stringify(method)},"params":${params},"user":${userText(by)}}`;
    const headers = { "content-type": "application/json", ...identityHeaders(method, by) };
    let answer: { readonly status: number; readonly text: string };
    try {
      answer = await parts.dialer.request(url, { method: "POST", headers, body, patience: timeout, largest: most });
    } catch (thrown) {
      parts.log.warn({ err: thrown, method, url }, "A call's backend does not answer");
      throw new Refused("notAvailable", `Cannot call ${method}: what answers it cannot be reached, or not in time`);
    }
    return answerOf(method, answer, parts.log);
  };
}

function answerOf(method: string, { status, text }: { readonly status: number; readonly text: string }, log: Log) {
  if (status >= 200 && status < 300) return lineOf(method, text);
  const key = statuses[status];
  if (key !== undefined) throw new Refused(key, messageIn(text) ?? `Cannot call ${method}: its backend says ${status}`);
  log.warn({ method, status }, "A call's backend failed");
  throw new Refused("notAvailable", `Cannot call ${method}: what answers it failed`);
}

function lineOf(method: string, text: string): JsonText {
  if (text.trim() === "") return "null";
  try {
    return oneLine(text);
  } catch {
    throw new Refused("notAvailable", `Cannot call ${method}: what answers it sent no JSON`);
  }
}

/** `{"error":{"message":…}}` or `{"message":…}`, as backends put it. */
function messageIn(text: string): string | undefined {
  try {
    const { error, message } = JSON.parse(text) as { error?: { message?: unknown } | string; message?: unknown };
    const found = typeof error === "string" ? error : (error?.message ?? message);
    return typeof found === "string" && found !== "" ? found.slice(0, 500) : undefined;
  } catch {
    return undefined;
  }
}

function userText({ id, name, device, info }: Principal): JsonText {
  const more = device === undefined ? "" : `,"device":${JSON.stringify(device)}`;
  return `{"id":${JSON.stringify(id)},"name":${JSON.stringify(name)}${more}${info === undefined ? "" : `,"info":${info}`}}`;
}

/** The same where a proxy or a log can see it; percent-encoded, since headers are no place for all of Unicode. */
function identityHeaders(method: string, { id, device }: Principal): Readonly<Record<string, string>> {
  return {
    "hearthwire-method": method,
    "hearthwire-user": encodeURIComponent(id),
    ...(device === undefined ? {} : { "hearthwire-device": encodeURIComponent(device) }),
  };
}
