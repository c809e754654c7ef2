/** What is said in the protocol, whatever its encoding. Names of fields are the wire's own. Pure. */
import type { Refused } from "../../core/refusals.ts";
import type { Frame, FrameHead, Framing, JsonText, Publication } from "../../ports.ts";

export const methods = [
  "connect",
  "subscribe",
  "unsubscribe",
  "publish",
  "presence",
  "presence_stats",
  "history",
  "ping",
  "send",
  "rpc",
  "refresh",
  "sub_refresh",
] as const;
export type Method = (typeof methods)[number];

/** The fields of a command as its peer sent them, `data` as JSON text; nothing of it is checked. */
export type Params = Readonly<Record<string, unknown>>;

export interface Command {
  /** 0 where no answer is wanted. */
  readonly id: number;
  readonly method: Method;
  readonly params: Params;
}

export interface ClientInfo {
  readonly user: string;
  readonly client: string;
  readonly conn_info?: JsonText;
  readonly chan_info?: JsonText;
}

/** What a subscription is told when it begins, or of the next page of a map. */
export interface SubscribeResult {
  readonly expires?: true;
  readonly ttl?: number;
  readonly recoverable?: true;
  readonly positioned?: true;
  readonly epoch?: string;
  readonly offset?: number;
  readonly publications?: readonly Publication[];
  readonly recovered?: true;
  readonly was_recovering?: true;
  /** Publications are worded as whole values or as changes of the one before. */
  readonly delta?: true;
  readonly data?: JsonText;
  readonly type?: number;
  readonly phase?: number;
  readonly cursor?: string;
  readonly state?: readonly Publication[];
  /** Not told: the subscription is to this pattern, and publications are worded so. */
  readonly pattern?: string;
}

export interface ConnectResult {
  readonly client: string;
  readonly version: string;
  readonly expires?: true;
  readonly ttl?: number;
  readonly subs?: Readonly<Record<string, SubscribeResult>>;
  /** Seconds. */
  readonly ping?: number;
  readonly pong?: true;
  readonly session?: string;
  readonly node?: string;
}

/** What the gateway says unasked, besides publications. */
export interface Push {
  readonly channel?: string;
  readonly join?: { readonly info: ClientInfo };
  readonly leave?: { readonly info: ClientInfo };
  readonly unsubscribe?: { readonly code: number; readonly reason: string };
  readonly subscribe?: SubscribeResult;
  readonly message?: { readonly data: JsonText };
  readonly connect?: ConnectResult;
  readonly disconnect?: { readonly code: number; readonly reason: string; readonly reconnect: boolean };
  readonly refresh?: { readonly expires?: true; readonly ttl?: number };
}

/** How one publication is worded where that is not as it is. */
export interface Wording {
  /** The subscription is to a pattern: the push bears its name, and the publication its channel and the broker's `seq`. */
  readonly pattern?: string;
  /** `whole`: a value that changes can be told of; otherwise the change that makes it of the value before. */
  readonly delta?: "whole" | Uint8Array;
}

/** One encoding over one transport. The few that there are serve all sessions. */
export interface Wire {
  readonly name: string;
  readonly framing: Framing;
  /** The peer only listens: it gets pushes and no replies. */
  readonly oneWay: boolean;
  readonly ping: Frame;
  /** The commands of one message, without the empty ones that answer pings; refused (3501) when it makes no sense. */
  commands(data: string | Uint8Array): readonly Command[];
  reply(id: number, method: Method, result: object): Frame;
  refusal(id: number, refused: Refused): Frame;
  push(push: Push, head?: FrameHead): Frame;
  publication(publication: Publication, wording: Wording): Frame;
  /** Several frames as one. */
  together(frames: readonly Frame[]): Frame;
}

/** How the publications of a result are worded. */
export function wordingIn(result: object): Wording {
  const { pattern, delta } = result as SubscribeResult;
  return { ...(pattern === undefined ? {} : { pattern }), ...(delta === true ? { delta: "whole" } : {}) };
}

/** Errors that may pass when the same is tried again. */
const temporary = new Set([100, 111, 113]);

export interface ErrorResult {
  readonly code: number;
  readonly message: string;
  readonly temporary?: true;
}

export function errorResult({ refusal, message }: Refused): ErrorResult {
  return { code: refusal.code, message, ...(temporary.has(refusal.code) ? { temporary: true } : {}) };
}
