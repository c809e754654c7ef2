/** The routes of the API as data: what is asked and answered where. Its OpenAPI document is made from them. */
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { DescribedPaths } from "../core/described-paths.ts";
import { deviceRoutes } from "./api-devices.ts";
import { lifecycleRoutes } from "./api-lifecycle.ts";
import { pairingRoutes } from "./api-pairing.ts";
import { sessionRoutes } from "./api-sessions.ts";
import {
  deviceChanges,
  deviceShape,
  deviceWish,
  keyShape,
  keyWish,
  newDeviceShape,
  newKeyShape,
  presenceShape,
  readinessShape,
  statusShape,
  ticketShape,
} from "./api-shapes.ts";
import { transferRoutes } from "./api-transfer.ts";
import { addressesShape } from "./device-shapes.ts";
import {
  admin,
  answer,
  anyBody,
  body,
  done,
  everyone,
  everyoneOrKey,
  idParams,
  refused,
  withKey,
} from "./route-shapes.ts";

export const routes = {
  page: createRoute({
    ...everyone,
    method: "get",
    path: "/",
    summary: "The web page",
    responses: { 200: { description: "HTML." } },
  }),
  codes: createRoute({
    ...everyone,
    method: "get",
    path: "/docs/codes",
    summary: "Every code of a refusal, what it means and what to do",
    responses: { 200: { description: "HTML." } },
  }),
  document: createRoute({
    ...everyone,
    method: "get",
    path: "/openapi.json",
    summary: "This API as an OpenAPI 3.1 document",
    responses: { 200: { description: "OpenAPI 3.1." } },
  }),
  live: createRoute({
    ...everyone,
    method: "get",
    path: "/health/live",
    summary: "Whether the process answers",
    responses: { 200: answer("It does.", z.object({ live: z.literal(true) })) },
  }),
  ready: createRoute({
    ...everyone,
    method: "get",
    path: "/health/ready",
    summary: "Whether the gateway does its work",
    responses: { 200: answer("It does.", readinessShape), 503: answer("It does not.", readinessShape) },
  }),
  health: createRoute({
    ...everyone,
    method: "get",
    path: "/health",
    summary: "The same in words",
    responses: { 200: { description: "Text: it is ready." }, 503: { description: "Text: it is not ready, and why." } },
  }),
  metrics: createRoute({
    ...everyoneOrKey,
    method: "get",
    path: "/metrics",
    summary: "Figures for Prometheus: to addresses of `metrics.open_to`, and to others with the grant `admin`",
    responses: { 200: { description: "Prometheus' text format." }, ...refused },
  }),
  ticket: createRoute({
    ...withKey,
    method: "post",
    path: "/tickets",
    summary: "A one-time ticket, to stand in a URL (`?ticket=…`) where a key must not",
    responses: { 200: answer("It stands for the caller, once.", ticketShape), ...refused },
  }),
  presence: createRoute({
    ...withKey,
    method: "get",
    path: "/presence/{channel}",
    summary: "Who is in a channel (grant `presence`; its configuration has `presence: true`)",
    request: { params: z.object({ channel: z.string().openapi({ example: "room/kitchen" }) }) },
    responses: { 200: answer("Who is there.", presenceShape), ...refused },
  }),
  calls: createRoute({
    ...withKey,
    method: "get",
    path: "/calls",
    summary: "The methods with a name of their own that the caller may call",
    responses: { 200: answer("The methods.", z.object({ methods: z.array(z.string()) })), ...refused },
  }),
  call: createRoute({
    ...withKey,
    method: "post",
    path: "/calls/{method}",
    summary: "Calls a method of a bridge, of a backend or of the gateway (grant `call`)",
    request: {
      params: z.object({ method: z.string().openapi({ example: "time" }) }),
      ...anyBody("The parameters: any JSON, of at most 1 MiB."),
    },
    responses: { 200: answer("What the method answers: any JSON.", z.unknown()), ...refused },
  }),
  status: createRoute({
    ...admin,
    method: "get",
    path: "/admin/status",
    summary: "What the gateway is, where it listens, and who is there",
    responses: { 200: answer("The state of things.", statusShape), ...refused },
  }),
  listKeys: createRoute({
    ...admin,
    method: "get",
    path: "/admin/keys",
    summary: "All keys, without their texts",
    responses: { 200: answer("The keys.", z.object({ keys: z.array(keyShape) })), ...refused },
  }),
  createKey: createRoute({
    ...admin,
    method: "post",
    path: "/admin/keys",
    summary: "Makes a key; its text is told this once",
    request: body(keyWish),
    responses: { 201: answer("The key.", newKeyShape), ...refused },
  }),
  revokeKey: createRoute({
    ...admin,
    method: "delete",
    path: "/admin/keys/{id}",
    summary: "Revokes a key; its sessions end at once",
    request: idParams,
    responses: { ...done, ...refused },
  }),
  listDevices: createRoute({
    ...admin,
    method: "get",
    path: "/admin/devices",
    summary: "All devices",
    responses: { 200: answer("The devices.", z.object({ devices: z.array(deviceShape) })), ...refused },
  }),
  addresses: createRoute({
    ...admin,
    method: "get",
    path: "/admin/addresses",
    summary: "Where devices find the gateway",
    responses: { 200: answer("The addresses.", addressesShape), ...refused },
  }),
  addDevice: createRoute({
    ...admin,
    method: "post",
    path: "/admin/devices",
    summary: "Adds a device, whose key may read its inbox `$device/<id>` and what `grants` says",
    request: body(deviceWish),
    responses: { 201: answer("The device with its key, which is told this once.", newDeviceShape), ...refused },
  }),
  setDevice: createRoute({
    ...admin,
    method: "patch",
    path: "/admin/devices/{id}",
    summary: "Changes a device's name or settings",
    request: { ...idParams, ...body(deviceChanges) },
    responses: { 200: answer("The device.", deviceShape), ...refused },
  }),
  rotateDevice: createRoute({
    ...admin,
    method: "post",
    path: "/admin/devices/{id}/rotate",
    summary: "Gives a device a new key; the sessions of the old one end at once",
    request: idParams,
    responses: { 200: answer("The device with its new key, which is told this once.", newDeviceShape), ...refused },
  }),
  removeDevice: createRoute({
    ...admin,
    method: "delete",
    path: "/admin/devices/{id}",
    summary: "Removes a device and its key; its sessions end at once",
    request: idParams,
    responses: { ...done, ...refused },
  }),
};

export type ApiDocument = ReturnType<OpenAPIHono["getOpenAPI31Document"]>;

/** What `/openapi.json` answers, and docs/http-api.md is made of. */
export function openApiDocument(version: string, described: readonly DescribedPaths[] = []): ApiDocument {
  const { openAPIRegistry, getOpenAPI31Document } = new OpenAPIHono();
  openAPIRegistry.registerComponent("securitySchemes", "key", {
    type: "http",
    scheme: "bearer",
    description: "A key: `Authorization: Bearer hw_…`, or `X-API-Key: hw_…`.",
  });
  const groups = {
    ...routes,
    ...transferRoutes,
    ...pairingRoutes,
    ...sessionRoutes,
    ...lifecycleRoutes,
    ...deviceRoutes,
  };
  for (const route of Object.values(groups)) openAPIRegistry.registerPath(route);
  const own = getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Hearthwire",
      version,
      description:
        "What the gateway answers by HTTP. Channels are read and written at /channels/<name>, whose levels have `/` between them, which paths of OpenAPI cannot say.",
    },
  });
  const { paths, components } = own;
  return {
    ...own,
    paths: Object.assign({}, paths, ...described.map((one) => one.paths)),
    components: {
      ...components,
      schemas: Object.assign({}, components?.schemas, ...described.map(({ schemas }) => schemas ?? {})),
    },
  };
}
