/** The shapes of what a device is told and tells. */
import { z } from "@hono/zod-openapi";
import { deviceTransports } from "../core/device-connection.ts";

const address = (where: string) =>
  z
    .object({ http: z.string(), websocket: z.string() })
    .optional()
    .openapi({ description: `Where the gateway is ${where}; absent where nothing is known.` });

const where = { internal: address("in the house"), external: address("from outside") };

export const addressesShape = z.object(where).openapi("Addresses");

export const connectionShape = z
  .object({
    device: z.string(),
    name: z.string(),
    transport: z.enum(deviceTransports).openapi({ description: "What its owner chose for it." }),
    ...where,
  })
  .openapi("DeviceConnection");

export const toldStateShape = z
  .strictObject({
    app: z.enum(["active", "background"]).optional(),
    battery: z.number().min(0).max(100).optional().openapi({ description: "In per cent." }),
  })
  .openapi("ToldState");

export const deviceStateShape = toldStateShape
  .extend({
    connected: z.boolean(),
    transport: z.string().optional().openapi({ description: "That of its newest session." }),
    protocol: z.string().optional(),
    address: z.string().optional(),
    since: z.int().openapi({ description: "When it came or went, in milliseconds since 1970." }),
  })
  .openapi("DeviceState");
