/** The options that say where devices find the gateway. */
import { z } from "zod";
import { option } from "./option.ts";
import { webSocketUrl, webUrl } from "./values.ts";

const address = (host: string) =>
  z.strictObject({
    http: option(
      { is: "For SSE, polling and everything else by HTTP.", unit: "URL", example: `https://${host}` },
      webUrl.optional(),
    ),
    websocket: option(
      { is: "For WebSockets.", unit: "URL", byDefault: "that of `http`", example: `wss://${host}` },
      webSocketUrl.optional(),
    ),
  });

export const addresses = z.strictObject({
  internal: option(
    {
      is: "In the house.",
      byDefault: "this machine's address in the network that `listen` is reached from",
      example: { http: "http://192.168.1.5:8642" },
    },
    address("192.168.1.5:8642").prefault({}),
  ),
  external: option(
    { is: "From outside.", byDefault: "`public_url`", example: { http: "https://push.example.org" } },
    address("push.example.org").prefault({}),
  ),
});
