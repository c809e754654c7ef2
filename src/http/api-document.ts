/** docs/http-api.md, made from the API's own OpenAPI document. */
import type { DescribedPaths } from "../core/described-paths.ts";
import { type ApiDocument, openApiDocument } from "./api-routes.ts";

const introduction = `# The HTTP API

<!-- Made from src/http by \`npm run docs\`; changes here are lost. -->

What the gateway answers by HTTP, for people; how to listen to channels stands in [channel-url.md](channel-url.md). The gateway serves this page for programs at \`/openapi.json\` (OpenAPI 3.1).

- Show a key with \`Authorization: Bearer hw_…\` or \`X-API-Key: hw_…\`. The control socket needs none:
  \`curl --unix-socket <data>/control.sock http://localhost/admin/status\`.
- Bodies are JSON of at most 64 KiB. Fields that are not named here are refused.
- A refusal is \`{"error":{"code","name","message","doc"}}\` with a fitting status; [codes.md](codes.md) explains each.
- Times are milliseconds since 1970; durations are seconds.
`;

type Paths = NonNullable<ApiDocument["paths"]>;
type Operation = NonNullable<Paths[string]["get"]>;
type Schema = Readonly<Record<string, unknown>>;

const methods = ["get", "post", "put", "patch", "delete"] as const;

/** What `docs/http-api.md` holds. */
export function apiPage(described: readonly DescribedPaths[]): string {
  const document = openApiDocument("", described);
  const operations = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    methods.flatMap((method) => {
      const operation = item[method];
      return operation === undefined ? [] : [{ name: `${method.toUpperCase()} ${path}`, operation }];
    }),
  );
  const tags = [...new Set(operations.flatMap(({ operation }) => operation.tags ?? []))];
  const groups = tags.map((tag) => {
    const own = operations.filter(({ operation }) => operation.tags?.includes(tag));
    return `## ${tag}\n\n${own.map(({ name, operation }) => section(name, operation)).join("\n")}`;
  });
  const shapes = Object.entries(document.components?.schemas ?? {}).map(([name, schema]) =>
    shape(name, schema as Schema),
  );
  return [introduction, ...groups, `## Shapes\n\n${shapes.join("\n")}`].join("\n");
}

function section(name: string, { summary, requestBody, responses }: Operation): string {
  const rows = Object.entries(responses ?? {}).map(([status, response]) => {
    const { description = "", content } = response as { description?: string; content?: Content };
    return `| ${status === "default" ? "else" : status} | ${description} | ${bodyOf(content)} |`;
  });
  const { description: said = "any JSON", content } = (requestBody ?? {}) as {
    description?: string;
    content?: Content;
  };
  const body = requestBody === undefined ? "" : `Body: ${bodyOf(content) || said.replace(/\.$/, "")}.\n\n`;
  return `### \`${name}\`\n\n${summary}.\n\n${body}| status | | body |\n|---|---|---|\n${rows.join("\n")}\n`;
}

type Content = Readonly<Record<string, { readonly schema?: unknown }>>;

function bodyOf(content: Content | undefined): string {
  const schema = content?.["application/json"]?.schema;
  return schema === undefined ? "" : typeOf(schema as Schema);
}

function shape(name: string, schema: Schema): string {
  const parts = (schema["allOf"] as readonly Schema[] | undefined) ?? [schema];
  const rows = parts.flatMap((part) => (part["$ref"] === undefined ? rowsOf(part) : [`| as ${typeOf(part)} | | |`]));
  const about = schema["description"] === undefined ? "" : `${String(schema["description"])}\n\n`;
  return `### ${name}\n\n${about}| field | | |\n|---|---|---|\n${rows.join("\n")}\n`;
}

function rowsOf(schema: Schema): string[] {
  const required = (schema["required"] as readonly string[] | undefined) ?? [];
  return Object.entries((schema["properties"] as Record<string, Schema> | undefined) ?? {}).map(([field, value]) => {
    const about = value["description"] === undefined ? "" : String(value["description"]);
    return `| \`${field}\`${required.includes(field) ? "" : " (optional)"} | ${typeOf(value)} | ${about} |`;
  });
}

function typeOf(schema: Schema): string {
  if (typeof schema["$ref"] === "string") {
    const name = schema["$ref"].split("/").at(-1) ?? "";
    return `[${name}](#${name.toLowerCase()})`;
  }
  if (schema["type"] === "array") return `list of ${typeOf(schema["items"] as Schema)}`;
  if (schema["properties"] !== undefined) {
    const fields = Object.entries(schema["properties"] as Record<string, Schema>);
    return `{ ${fields.map(([field, value]) => `\`${field}\`: ${typeOf(value)}`).join(", ")} }`;
  }
  const { type } = schema;
  return [type].flat().join(" or ");
}
