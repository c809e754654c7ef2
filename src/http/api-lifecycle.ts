/** The routes by which a running gateway is succeeded by another. */
import { createRoute } from "@hono/zod-openapi";
import { owner } from "../core/gate.ts";
import { Refused } from "../core/refusals.ts";
import type { ApiApp } from "./api-app.ts";
import { errorShape } from "./api-shapes.ts";

export interface Lifecycle {
  /** Resolves when a successor can have the data directory. */
  handOver(): Promise<void>;
}

const refused = {
  default: {
    description: "Refused: the one error object, explained at /docs/codes.",
    content: { "application/json": { schema: errorShape } },
  },
};
const admin = { security: [{ key: [] }], tags: ["Administration (grant `admin`)"] };

export const lifecycleRoutes = {
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
  app.openapi(lifecycleRoutes.handOver, async (context) => {
    // Whoever is to have the directory is on this machine, and may open its files.
    if (context.env.principal() !== owner) {
      throw new Refused("permissionDenied", "Cannot hand over: this is for a successor, at the control socket");
    }
    await lifecycle.handOver();
    return context.body(null, 204);
  });
}
