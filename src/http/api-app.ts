/** What all routes of the API stand on: who calls, refused input, and paths that are not there. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";
import { Refused } from "../core/refusals.ts";
import type { Principal } from "../core/session.ts";
import { refusedInput } from "./api-faults.ts";
import { pageResponse } from "./page.ts";

/** Whoever asks, for as long as one request takes. */
export interface Caller {
  /** Refused when the credential is no good. Asked once: a ticket is good once. */
  principal(): Principal;
}

export interface ApiEnv {
  Bindings: Caller;
}

export type ApiApp = OpenAPIHono<ApiEnv>;

/** Refusals are not answered here but thrown, so that they have one way out: that of all protocols. */
export function newApp(): ApiApp {
  const app = new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => {
      if (!result.success) throw refusedInput(result.error);
    },
  });
  app.onError((thrown) => {
    if (thrown instanceof HTTPException) throw new Refused("badRequest", "Cannot parse the body: it is not JSON");
    throw thrown;
  });
  app.notFound(({ req: { method, path } }) => {
    if (method === "GET" || method === "HEAD") return pageResponse(path);
    throw new Refused("methodNotFound", `Cannot ${method} ${path.slice(0, 100)}: there is no such route`);
  });
  for (const path of ["/admin/*", "/sessions/*"]) {
    app.use(path, async ({ env }, next) => {
      requireAdmin(env.principal());
      await next();
    });
  }
  for (const path of ["/admin/*", "/sessions/*", "/devices/*", "/presence/*", "/calls/*", "/tickets", "/health/*"]) {
    app.use(path, async ({ header }, next) => {
      await next();
      header("cache-control", "no-store");
    });
  }
  return app;
}

function requireAdmin({ id, rights }: Principal): void {
  if (rights.mayAny("admin")) return;
  if (id === "anonymous") throw new Refused("unauthorized", "Cannot administrate without a key: send one");
  throw new Refused("permissionDenied", "Cannot administrate: the key has no grant `admin`");
}
