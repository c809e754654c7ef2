/** The routes that show who is there: the answer to "why does this client not receive?". */
import { createRoute, z } from "@hono/zod-openapi";
import type { Hub } from "../core/hub.ts";
import { errorObject, Refused } from "../core/refusals.ts";
import type { AnySession } from "../core/session.ts";
import type { ApiApp } from "./api-app.ts";
import { grants, grantsView, time } from "./api-shapes.ts";
import { admin, answer, flag, idParams, refused } from "./route-shapes.ts";

export const sessionShape = z
  .object({
    id: z.string(),
    since: time,
    address: z.string().openapi({ description: "Where the peer is; empty for a socket of this machine." }),
    transport: z.string().openapi({ example: "websocket" }),
    protocol: z.string().openapi({ example: "channel-url" }),
    key: z.string().openapi({ description: "The id of its key; `anonymous` or `owner` for those without one." }),
    name: z.string().openapi({ description: "The name of its key." }),
    device: z.string().optional().openapi({ description: "The device whose key it is." }),
    grants,
    subscriptions: z.array(z.string()).openapi({ description: "Channels and patterns that it listens to." }),
    slow: z.boolean().openapi({ description: "It does not read as fast as it is written to." }),
    queued_bytes: z.int().openapi({ description: "What waits for it, here and in the transport." }),
    queued_ms: z.int().openapi({ description: "For how long it has been slow." }),
    dropped: z.int().openapi({ description: "Publications that its channels' `queue` policy took out." }),
    last_in: time.openapi({ description: "When the last byte of it came." }),
    last_out: time.openapi({ description: "When it was last written to." }),
    refusals: z.int().openapi({ description: "How often something was refused to it." }),
    last_refusal: z
      .object({ code: z.int(), name: z.string(), message: z.string(), doc: z.string(), time })
      .optional()
      .openapi({ description: "The last thing that it was refused, and when." }),
  })
  .openapi("Session");

export type SessionView = z.output<typeof sessionShape>;

export const sessionRoutes = {
  listSessions: createRoute({
    ...admin,
    method: "get",
    path: "/sessions",
    summary: "Who is there, over any transport; `?slow=true` for those only that do not read fast enough",
    request: { query: z.object({ slow: flag }) },
    responses: {
      200: answer("The sessions.", z.object({ sessions: z.array(sessionShape) })),
      ...refused,
    },
  }),
  session: createRoute({
    ...admin,
    method: "get",
    path: "/sessions/{id}",
    summary: "One of them",
    request: idParams,
    responses: { 200: answer("The session.", sessionShape), ...refused },
  }),
};

export function addSessionRoutes(app: ApiApp, hub: Hub): void {
  app.openapi(sessionRoutes.listSessions, (context) => {
    const { slow } = context.req.valid("query");
    const wanted = (session: AnySession): boolean => slow === undefined || (slow === "true") === isSlow(session);
    const sessions = [...hub.sessions].filter(wanted).map((session) => sessionView(session, hub.now));
    return context.json({ sessions }, 200);
  });

  app.openapi(sessionRoutes.session, (context) => {
    const { id } = context.req.valid("param");
    const session = hub.sessions.values().find((one) => one.id === id);
    if (session === undefined) throw new Refused("unknownChannel", `Cannot find session ${id}: it is not there`);
    return context.json(sessionView(session, hub.now), 200);
  });
}

function isSlow({ queue }: AnySession): boolean {
  return queue !== undefined;
}

function sessionView(session: AnySession, now: number): SessionView {
  const { id, opened, outlet, conversation, principal, queue, dropped, lastIn, lastOut, lastRefusal, lastRefusalAt } =
    session;
  return {
    id,
    since: opened,
    address: outlet.address,
    transport: outlet.framing.name,
    protocol: conversation.protocol,
    key: principal.id,
    name: principal.name,
    ...(principal.device === undefined ? {} : { device: principal.device }),
    grants: grantsView(principal.rights.grants),
    subscriptions: [...session.subscriptions],
    slow: isSlow(session),
    queued_bytes: outlet.queued() + (queue?.bytes ?? 0),
    queued_ms: queue === undefined ? 0 : now - queue.since,
    dropped: dropped + (queue?.dropped ?? 0),
    last_in: lastIn,
    last_out: lastOut,
    refusals: session.refusals,
    ...(lastRefusal === undefined ? {} : { last_refusal: { ...errorObject(lastRefusal), time: lastRefusalAt } }),
  };
}
