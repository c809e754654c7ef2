/** How a protocol tells of its paths, so that one document describes all that the gateway answers (OpenAPI 3.1). */

export type JsonSchema = Readonly<Record<string, unknown>>;

interface Body {
  readonly description?: string;
  readonly required?: boolean;
  readonly content?: Content;
}

type Content = Readonly<Record<string, { readonly schema: JsonSchema }>>;

export interface DescribedOperation {
  readonly tags: readonly string[];
  readonly summary: string;
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: "path" | "query" | "header";
    readonly required?: boolean;
    readonly description?: string;
    readonly schema: JsonSchema;
  }[];
  readonly requestBody?: Body;
  readonly responses: Readonly<Record<string, Body>>;
}

export type DescribedMethod = "get" | "post" | "put" | "patch" | "delete";

export interface DescribedPaths {
  readonly paths: Readonly<Record<string, Readonly<Partial<Record<DescribedMethod, DescribedOperation>>>>>;
  /** What the operations refer to as `#/components/schemas/<name>`. */
  readonly schemas?: Readonly<Record<string, JsonSchema>>;
}

export function jsonContent(schema: JsonSchema): Content {
  return { "application/json": { schema } };
}

export function referTo(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

/** What every route of ours answers with when it refuses. */
export const refusedResponse = {
  description: "Refused: the one error object, explained at /docs/codes.",
  content: jsonContent(referTo("Error")),
};
