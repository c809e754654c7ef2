/** A running gateway: by the control socket of its data directory, or by its URL. */
import { type IncomingMessage, type RequestOptions, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { messageOf } from "../core/thrown.ts";
import type { Question, StreamingDoor } from "./door.ts";
import { CommandFailure, codeOf, exitCodes } from "./failure.ts";
import type { Elsewhere } from "./globals.ts";

/** Where it is: for the owner of this machine, or for anybody with a key. */
export type Place = { readonly socket: string; readonly data: string } | Elsewhere;

/** Nobody listens there. */
export class NoGateway extends CommandFailure {
  constructor(message: string) {
    super(message, exitCodes.noGateway);
  }
}

/** It said no; `comeBack` when a later attempt may be welcome, after `retryAfter` seconds if it said so. */
export class RefusedByGateway extends CommandFailure {
  readonly comeBack: boolean;
  readonly retryAfter: number;

  constructor(message: string, comeBack: boolean, retryAfter: number) {
    super(message);
    this.comeBack = comeBack;
    this.retryAfter = retryAfter;
  }
}

const largestAnswer = 64 * 1024 * 1024;

export class GatewayDoor implements StreamingDoor {
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  async ask({ method, path, what, body, type = "application/json" }: Question): Promise<unknown> {
    const headers = body === undefined ? {} : { "content-type": type, "content-length": Buffer.byteLength(body) };
    const response = await this.#send({ method, path, headers }, what, body);
    const text = await this.#read(response, what);
    const { statusCode = 0 } = response;
    if (statusCode === 204) return undefined;
    const value = parse(text);
    if (statusCode < 200 || statusCode > 299) throw this.#refusal(response, value, what);
    if (value === undefined) throw new CommandFailure(`Cannot ${what}: ${this.#name} is no Hearthwire`);
    return value;
  }

  async open(path: string, what: string, signal: AbortSignal): Promise<IncomingMessage> {
    const headers = { accept: "application/x-ndjson" };
    const response = await this.#send({ method: "GET", path, headers, signal }, what);
    const isLines = response.headers["content-type"]?.startsWith("application/x-ndjson");
    if (response.statusCode === 200 && isLines) return response;
    throw this.#refusal(response, parse(await this.#read(response, what)), what);
  }

  /** The bytes of an answer. What is not whole throws while it is read. */
  async download(path: string, what: string): Promise<IncomingMessage> {
    const response = await this.#send({ method: "GET", path }, what);
    if (response.statusCode === 200) return response;
    throw this.#refusal(response, parse(await this.#read(response, what)), what);
  }

  close(): void {
    // Each request has a connection of its own, which ended with it.
  }

  #send(asked: RequestOptions, what: string, body?: string): Promise<IncomingMessage> {
    const options: RequestOptions = { ...asked, agent: false };
    return new Promise((resolve, reject) => {
      const request = this.#request(options);
      request.once("response", resolve);
      request.once("error", (error) => reject(this.#unreachable(error, what)));
      request.end(body);
    });
  }

  #request(options: RequestOptions): ReturnType<typeof requestHttp> {
    const place = this.#place;
    if ("socket" in place) return requestHttp({ ...options, socketPath: place.socket, host: "localhost" });
    const { url, key } = place;
    const path = `${url.pathname.replace(/\/$/, "")}${options.path}`;
    const headers = { ...options.headers, ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) };
    return (url.protocol === "https:" ? requestHttps : requestHttp)(url, { ...options, path, headers });
  }

  async #read(response: IncomingMessage, what: string): Promise<string> {
    response.setEncoding("utf8");
    let text = "";
    try {
      for await (const chunk of response) {
        text += chunk;
        if (text.length > largestAnswer) throw new Error("its answer is too long");
      }
    } catch (thrown) {
      throw new CommandFailure(`Cannot ${what}: the connection to ${this.#name} broke (${messageOf(thrown)})`);
    }
    return text;
  }

  get #name(): string {
    return "socket" in this.#place ? "the gateway" : this.#place.url.href;
  }

  #unreachable(error: Error, what: string): CommandFailure {
    const code = codeOf(error);
    const place = this.#place;
    if (!("socket" in place))
      return new NoGateway(`Cannot ${what}: ${place.url.href} does not answer (${error.message})`);
    if (code === "ENOENT" || code === "ECONNREFUSED" || code === "ENOTDIR") {
      return new NoGateway(
        `Cannot ${what}: no gateway is running on ${place.data}. Start one with \`hearthwire serve\`, or name one with --config, --data, or --url and --key`,
      );
    }
    if (code === "EACCES" || code === "EPERM") {
      return new CommandFailure(
        `Cannot ${what}: the gateway's control socket ${place.socket} is another user's. Run this as that user, or use --url and --key`,
      );
    }
    return new CommandFailure(`Cannot ${what}: ${place.socket} does not answer (${error.message})`);
  }

  #refusal(response: IncomingMessage, value: unknown, what: string): RefusedByGateway {
    const { statusCode = 0, headers } = response;
    const comeBack = statusCode >= 500 || statusCode === 429 || statusCode === 408;
    const retryAfter = Number(headers["retry-after"]) || 0;
    const message = messageIn(value) ?? `${this.#name} answered with status ${statusCode}, not as a Hearthwire`;
    return new RefusedByGateway(
      message.startsWith("Cannot ") ? message : `Cannot ${what}: ${message}`,
      comeBack,
      retryAfter,
    );
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The message of the one error object. */
export function messageIn(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || !("error" in value)) return undefined;
  const { error } = value;
  if (typeof error !== "object" || error === null || !("message" in error)) return undefined;
  return typeof error.message === "string" ? error.message : undefined;
}
