/** The server API, for backends: `POST /api/<method>` with a key, as existing libraries ask it. */

import { z } from "zod";
import { type DescribedPaths, jsonContent, referTo } from "../../core/described-paths.ts";
import type { Gate } from "../../core/gate.ts";
import { elementTexts, memberText } from "../../core/member-text.ts";
import { asRefused, Refused } from "../../core/refusals.ts";
import type { Answer, JsonText, Log, Policy, Visit } from "../../ports.ts";
import { type Backend, backendOf, faultText, type ServerMethods } from "./server-methods.ts";
import { isServerMethod, type ServerMethod, serverShapes } from "./server-shapes.ts";

export const serverPrefix = "/api";
const errorModeHeader = "x-centrifugo-error-mode";

export interface ServerApiParts {
  readonly gate: Gate;
  readonly methods: ServerMethods;
  /** Largest request, in bytes. */
  readonly limits: { readonly body: number };
  readonly log?: Log | undefined;
}

export class ServerApi {
  readonly #parts: ServerApiParts;

  constructor(parts: ServerApiParts) {
    this.#parts = parts;
  }

  /** Answers 200 with `result` or `error`; what has no key, is no JSON or no method, with its status. */
  async visit(visit: Visit, policy: Policy): Promise<Answer> {
    const { request, path } = visit;
    const asStatus = request.headers.get(errorModeHeader)?.toLowerCase() === "transport";
    const method = path.slice(serverPrefix.length + 1);
    try {
      if (request.method !== "POST") throw new Refused("methodNotFound", "Cannot do this but by POST");
      const by = this.#backend(visit, policy);
      if (path === serverPrefix) return answer(await this.#lines(await visit.text(this.#parts.limits.body), by));
      if (!isServerMethod(method)) throw new Refused("methodNotFound", "Cannot do this: there is no such method");
      const text = objectText(await visit.text(this.#parts.limits.body));
      if (method === "batch") return answer(await this.#batch(text, by));
      return await this.#one(method, text, by, asStatus);
    } catch (thrown) {
      return this.#refusal(thrown, asStatus);
    }
  }

  async #one(
    method: Exclude<ServerMethod, "batch">,
    text: JsonText,
    by: Backend,
    asStatus: boolean,
  ): Promise<Response> {
    try {
      return answer(`{"result":${await this.#run(method, text, by)}}`);
    } catch (thrown) {
      if (asStatus) throw thrown;
      return answer(`{"error":${faultText(this.#refused(thrown))}}`);
    }
  }

  async #run(method: Exclude<ServerMethod, "batch">, text: JsonText, by: Backend): Promise<JsonText> {
    return (await this.#parts.methods.run(method, parse(method, text), text, by)) ?? "{}";
  }

  async #batch(text: JsonText, by: Backend): Promise<JsonText> {
    const { commands, parallel = false } = parse("batch", text);
    const texts = elementTexts(memberText(text, "commands") ?? "[]");
    const reply = (command: Readonly<Record<string, unknown>>, at: number): Promise<JsonText> =>
      this.#reply(command, texts[at] ?? "{}", by);
    let replies: JsonText[] = [];
    if (parallel) replies = await Promise.all(commands.map(reply));
    else for (const [at, command] of commands.entries()) replies.push(await reply(command, at));
    return `{"replies":[${replies.join(",")}]}`;
  }

  /** As older libraries ask: commands `{"method","params"}`, one a line, which are answered one a line. */
  async #lines(text: string, by: Backend): Promise<string> {
    const replies: JsonText[] = [];
    for (const line of text.split("\n").filter((one) => one.trim() !== "")) {
      try {
        const { method } = JSON.parse(objectText(line)) as { readonly method?: unknown };
        if (typeof method !== "string" || !isServerMethod(method) || method === "batch") {
          throw new Refused("methodNotFound");
        }
        const params = objectText(memberText(line, "params") ?? "{}");
        replies.push(`{"result":${await this.#run(method, params, by)}}`);
      } catch (thrown) {
        replies.push(`{"error":${faultText(this.#refused(thrown))}}`);
      }
    }
    if (replies.length === 0) throw new Refused("badRequest", "Cannot do nothing: send a command");
    return replies.join("\n");
  }

  async #reply(command: Readonly<Record<string, unknown>>, text: JsonText, by: Backend): Promise<JsonText> {
    try {
      const [method] = Object.keys(command).filter(isServerMethod);
      if (method === undefined || method === "batch") throw new Refused("methodNotFound");
      const fields = objectText(memberText(text, method) ?? "{}");
      return `{"${method}":${await this.#run(method, fields, by)}}`;
    } catch (thrown) {
      return `{"error":${faultText(this.#refused(thrown))}}`;
    }
  }

  #backend(visit: Visit, policy: Policy): Backend {
    const { gate } = this.#parts;
    const [, key] = /^apikey\s+(\S+)$/i.exec(visit.request.headers.get("authorization") ?? "") ?? [];
    const principal =
      key === undefined || visit.owner ? gate.principalOf(visit, policy) : gate.byKey(key, visit.address);
    if (principal.id === "anonymous") throw new Refused("unauthorized", "Cannot do this without a key: send X-API-Key");
    return backendOf(principal, visit.address);
  }

  #refused(thrown: unknown): Refused {
    if (!(thrown instanceof Refused)) this.#parts.log?.error({ err: thrown }, "Cannot answer a backend");
    return asRefused(thrown);
  }

  #refusal(thrown: unknown, asStatus: boolean): Response {
    const refused = this.#refused(thrown);
    const fault = faultText(refused);
    const { status } = refused.refusal;
    const retry = refused.retryAfter === undefined ? {} : { "retry-after": String(refused.retryAfter) };
    return new Response(asStatus ? fault : `{"error":${fault}}`, { status, headers: { ...headers, ...retry } });
  }
}

const headers = { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" };

function answer(text: JsonText): Response {
  return new Response(text, { headers });
}

/** The text of an object; some libraries send nothing where there is nothing to say. */
function objectText(text: string): JsonText {
  if (text.trim() === "") return "{}";
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refused("badRequest", "Cannot parse the body: it is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Refused("badRequest", "Cannot use a body that is no object");
  }
  return text;
}

type Shapes = typeof serverShapes;

function parse<M extends ServerMethod>(method: M, text: JsonText): z.output<Shapes[M]["request"]> {
  const value = JSON.parse(text) as Readonly<Record<string, unknown>>;
  // `null` and absent are the same in the schema that these requests come from, except for data.
  const given = Object.fromEntries(
    Object.entries(value).filter(([name, member]) => member !== null || name === "data"),
  );
  const parsed = serverShapes[method].request.safeParse(given);
  if (parsed.success) return parsed.data as z.output<Shapes[M]["request"]>;
  const [issue] = parsed.error.issues;
  throw new Refused("badRequest", `Cannot use \`${issue?.path.join(".").slice(0, 100) ?? ""}\`: ${issue?.message}`);
}

/** What the OpenAPI document tells of this API. */
export function describeServerApi(): DescribedPaths {
  const schemas: Record<string, Readonly<Record<string, unknown>>> = {};
  const paths: Record<string, DescribedPaths["paths"][string]> = {};
  for (const [method, { summary, request, result }] of Object.entries(serverShapes)) {
    const name = method.replaceAll(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());
    schemas[`${name}Request`] = jsonSchema(request);
    schemas[`${name}Result`] = jsonSchema(result);
    const answered = method === "batch" ? referTo(`${name}Result`) : either(referTo(`${name}Result`));
    paths[`${serverPrefix}/${method}`] = {
      post: {
        tags: ["Server API (for backends)"],
        summary,
        security: [{ key: [] }],
        requestBody: { required: true, content: jsonContent(referTo(`${name}Request`)) },
        responses: {
          200: { description: "Done, or refused.", content: jsonContent(answered) },
          401: { description: "No key, or a wrong one.", content: jsonContent(either()) },
        },
      },
    };
  }
  return { paths, schemas };
}

const fault = { type: "object", properties: { code: { type: "integer" }, message: { type: "string" } } };

function either(result?: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return { type: "object", properties: { ...(result === undefined ? {} : { result }), error: fault } };
}

function jsonSchema(schema: z.ZodType): Readonly<Record<string, unknown>> {
  const { $schema: _, ...made } = z.toJSONSchema(schema, { io: "input" });
  return made;
}
