/** What the descriptions of all routes have in common. */
import { z } from "@hono/zod-openapi";
import { errorShape } from "./api-shapes.ts";

const json = <S extends z.ZodType>(schema: S) => ({ "application/json": { schema } });

export const answer = <S extends z.ZodType>(description: string, schema: S) => ({ description, content: json(schema) });
export const body = <S extends z.ZodType>(schema: S) => ({ body: { required: true as const, content: json(schema) } });
/** Of a body that is taken as it is. */
export const anyBody = (description: string) => ({ body: { description, content: json(z.unknown()) } });

export const refused = { default: answer("Refused: the one error object, explained at /docs/codes.", errorShape) };
export const done = { 204: { description: "Done." } };
export const idParams = { params: z.object({ id: z.string().max(64) }) };
/** In a query. */
export const flag = z.enum(["true", "false"]).optional();

const security = [{ key: [] }];
export const everyone = { tags: ["Everyone"] };
/** Not everyone gets the same. */
export const everyoneOrKey = { ...everyone, security: [{}, ...security] };
export const withKey = { security, tags: ["With a key"] };
export const ownKey = { security, tags: ["With a device's own key"] };
export const admin = { security, tags: ["Administration (grant `admin`)"] };
