/** The web page: the files of dashboard/, served as they are. */
import { readFileSync } from "node:fs";
import { Refused } from "../core/refusals.ts";

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** Nothing but our own files, and connections to gateways; no page of others may frame it. */
const policy =
  "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const root = new URL("../../dashboard/", import.meta.url);
const nameForm = /^[a-z0-9-]+\.(?:html|js|css|svg)$/;

export function pageResponse(path: string): Response {
  const name = path === "/" ? "index.html" : path.slice(1);
  const extension = name.slice(name.lastIndexOf(".") + 1);
  const type = types[extension];
  if (!nameForm.test(name) || type === undefined)
    throw new Refused("unknownChannel", `Cannot find ${path.slice(0, 100)}`);
  let file: Buffer;
  try {
    file = readFileSync(new URL(name, root));
  } catch {
    throw new Refused("unknownChannel", `Cannot find ${path.slice(0, 100)}`);
  }
  return new Response(new Uint8Array(file), {
    headers: {
      "content-type": type,
      "cache-control": "no-cache",
      "content-security-policy": policy,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    },
  });
}
