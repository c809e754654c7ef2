/** The routes by which a running gateway takes up a changed configuration, and is succeeded by another. */
import { createRoute, z } from "@hono/zod-openapi";
import { owner } from "../core/gate.ts";
import { Refused } from "../core/refusals.ts";
import type { ApiApp } from "./api-app.ts";
import { admin, answer, flag, refused } from "./route-shapes.ts";

export interface Lifecycle {
  /** Takes up the configuration as its file is now. Throws `Refused`, and nothing has changed, when something is wrong. */
  reload(dryRun: boolean): Reloaded;
  /** Has a successor started, and resolves when that has taken over. Throws `Refused`, and all is as it was, when it has not. */
  restart(): Promise<void>;
  /** Resolves when a successor can have the data directory. */
  handOver(): Promise<void>;
}

export const reloadedShape = z
  .object({
    dry_run: z.boolean().openapi({ description: "Only looked at; nothing was changed." }),
    changed: z.array(z.string()).openapi({ description: "Options that are in force from now on." }),
    needs_restart: z.array(z.string()).openapi({ description: "Options that a restart would bring about." }),
  })
  .openapi("Reloaded");
export type Reloaded = z.infer<typeof reloadedShape>;

export const lifecycleRoutes = {
  reload: createRoute({
    ...admin,
    method: "post",
    path: "/admin/reload",
    summary:
      "Takes up the configuration as its file is now: all of it that needs no restart, or, when it is bad, nothing",
    request: { query: z.object({ dry_run: flag }) },
    responses: {
      200: answer("What changed.", reloadedShape),
      ...refused,
    },
  }),
  restart: createRoute({
    ...admin,
    method: "post",
    path: "/admin/restart",
    summary:
      "Starts a successor with the configuration and the program as they are now, which takes over without losing a connection; the sessions are then sent away, to come back",
    responses: { 204: { description: "The successor listens, and is about to answer." }, ...refused },
  }),
  handOver: createRoute({
    ...admin,
    method: "post",
    path: "/admin/handover",
    summary:
      "Lets go of ports and data directory for a successor, and then sends the sessions away (`serve --takeover`; at the control socket only)",
    responses: { 204: { description: "The successor can have them." }, ...refused },
  }),
};

export function addLifecycleRoutes(app: ApiApp, lifecycle: Lifecycle): void {
  app.openapi(lifecycleRoutes.reload, (context) =>
    context.json(lifecycle.reload(context.req.valid("query").dry_run === "true"), 200),
  );
  app.openapi(lifecycleRoutes.restart, async (context) => {
    await lifecycle.restart();
    return context.body(null, 204);
  });
  app.openapi(lifecycleRoutes.handOver, async (context) => {
    // Whoever is to have the directory is on this machine, and may open its files.
    if (context.env.principal() !== owner) {
      throw new Refused("permissionDenied", "Cannot hand over: this is for a successor, at the control socket");
    }
    await lifecycle.handOver();
    return context.body(null, 204);
  });
}
