/** `POST /calls/<method>`: what bridges, backends and the gateway itself offer, by plain HTTP. */
import type { Calls } from "../core/calls.ts";
import { jsonLine } from "../core/draft.ts";
import { Refused } from "../core/refusals.ts";
import { jsonHeaders } from "./answers.ts";
import type { ApiApp } from "./api-app.ts";

export const callsPrefix = "/calls/";

/** The body is the parameters, the answer is the call's own; both are JSON, and pass as they were written. */
export function addCallRoutes(app: ApiApp, calls: Calls): void {
  app.post(`${callsPrefix}:method`, async (context) => {
    const principal = context.env.principal();
    const method = context.req.param("method");
    if (principal.id === "anonymous" && !principal.rights.may("call", method)) {
      throw new Refused("unauthorized", `Cannot call ${method.slice(0, 80)} without a key: send one`);
    }
    const text = await context.req.text();
    const params = text.trim() === "" ? "null" : jsonLine(text);
    const answer = await calls.call(method, params, principal);
    return context.body(answer, 200, jsonHeaders);
  });
  app.get("/calls", (context) => context.json({ methods: calls.methods(context.env.principal()) }));
}
