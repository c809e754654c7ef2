/** The routes that let clients pair: for a moment, as if somebody held the button. */
import { createRoute, z } from "@hono/zod-openapi";
import type { PairingWindow } from "../core/pairing-window.ts";
import type { ApiApp } from "./api-app.ts";
import { admin, answer, body, done, refused } from "./route-shapes.ts";

const seconds = z.int().min(1).max(600);
export const pairingShape = z
  .object({ open_for: z.number().openapi({ description: "Seconds until it closes by itself." }) })
  .openapi("Pairing");

export const pairingRoutes = {
  openPairing: createRoute({
    ...admin,
    method: "post",
    path: "/admin/pairing",
    summary: "Lets clients of the protocol deconz pair by `POST /api`, for so many seconds from now",
    request: body(z.strictObject({ for: seconds })),
    responses: { 200: answer("It is open.", pairingShape), ...refused },
  }),
  closePairing: createRoute({
    ...admin,
    method: "delete",
    path: "/admin/pairing",
    summary: "Lets nobody pair any more",
    responses: { ...done, ...refused },
  }),
};

export function addPairingRoutes(app: ApiApp, window: PairingWindow): void {
  app.openapi(pairingRoutes.openPairing, (context) => {
    window.openFor(context.req.valid("json").for * 1000);
    return context.json({ open_for: window.left / 1000 }, 200);
  });
  app.openapi(pairingRoutes.closePairing, (context) => {
    window.close();
    return context.body(null, 204);
  });
}
