/** Files that phones bring and pictures of cameras that they ask for, passed on with limits. */
import { Refused } from "../../core/refusals.ts";
import type { Visit } from "../../ports.ts";
import type { Plugin } from "./plugin.ts";

/** In bytes: what a phone uploads at once, and one picture of a camera. */
const largestUpload = 32 * 1024 * 1024;
const largestPicture = 8 * 1024 * 1024;
const mostFiles = 20;
/** In ms. */
const patience = 60_000;
/** What is passed on at once; more is refused. */
const mostAtOnce = 8;

/** What the app brings: pictures, sounds, films and its own backups. Nothing that a web server would run. */
const kinds = /\.(?:png|jpe?g|gif|webp|bmp|svg|ico|heic|mp3|wav|ogg|m4a|aac|mp4|mov|webm|json|txt|pdf|zip)$/i;
const programs = /\.(?:php\d?|phtml|phar|pht|phps|cgi|pl|py|sh|htaccess)(?:\.|$)/i;
const pictureOptions = ["apiKey", "id", "compress", "resize"];

export class FilesFace {
  readonly #plugin: Plugin;
  #passing = 0;

  constructor(plugin: Plugin) {
    this.#plugin = plugin;
  }

  upload(visit: Visit): Promise<Response> {
    return this.#passed(async () => {
      if (visit.request.method !== "POST") throw new Refused("badRequest", "Cannot take that: files are posted");
      // Written anew, so that the plugin reads the same in it as was looked at here.
      const body = new Response(await readForm(visit));
      const { text } = await this.#plugin.request({
        path: "/plugins/JeedomConnect/core/api/upload.api.php",
        headers: { "content-type": body.headers.get("content-type") ?? "" },
        body: new Uint8Array(await body.arrayBuffer()),
        dial: { patience },
      });
      return new Response(this.#plugin.clean(text), { headers: { "content-type": "application/json" } });
    });
  }

  snapshot({ query, request }: Visit): Promise<Response> {
    return this.#passed(async () => {
      if (request.method !== "GET") throw new Refused("badRequest", "Cannot take that: pictures are asked for by GET");
      const asked = new URLSearchParams();
      for (const name of pictureOptions) if (query.has(name)) asked.append(name, query.get(name) ?? "");
      const { bytes = new Uint8Array(), type = "" } = await this.#plugin.request({
        path: "/plugins/JeedomConnect/core/php/snapshot.php",
        query: `?${asked}`,
        dial: { patience, largest: largestPicture, asBytes: true },
      });
      if (!/^image\/[\w.+-]+$/.test(type))
        throw new Refused("notAvailable", "Cannot show it: the plugin sent no picture");
      return new Response(bytes, { headers: { "content-type": type, "cache-control": "no-store" } });
    });
  }

  async #passed(pass: () => Promise<Response>): Promise<Response> {
    if (this.#passing >= mostAtOnce) throw new Refused("tooManyRequests", "Cannot pass on more files at once", 1);
    this.#passing++;
    try {
      return await pass();
    } catch (thrown) {
      throw thrown instanceof Refused ? thrown : new Refused("notAvailable", "Cannot reach Jeedom's plugin now");
    } finally {
      this.#passing--;
    }
  }
}

async function readForm(visit: Visit): Promise<FormData> {
  const type = visit.request.headers.get("content-type") ?? "";
  const bytes = new Uint8Array(await visit.body(largestUpload));
  let given: Awaited<ReturnType<Response["formData"]>>;
  try {
    given = await new Response(bytes, { headers: { "content-type": type } }).formData();
  } catch {
    throw new Refused("badRequest", "Cannot read the files: it is no form");
  }
  const form = new FormData();
  let files = 0;
  for (const [name, value] of given.entries()) {
    const entry: unknown = value;
    if (!(entry instanceof File)) {
      form.append(name, String(entry));
      continue;
    }
    if (++files > mostFiles) throw new Refused("limitExceeded", `Cannot take more than ${mostFiles} files at once`);
    form.append(name, entry, nameOfFile(entry.name));
  }
  return form;
}

/** Its name alone; refused where it is that of a program, or nobody knows of what. */
export function nameOfFile(given: string): string {
  const name = given.split(/[/\\]/).at(-1) ?? "";
  const isPlain = /^[^.\u0000-\u001f"<>|:*?][^\u0000-\u001f"<>|:*?]{0,199}$/.test(name);
  if (isPlain && kinds.test(name) && !programs.test(name)) return name;
  throw new Refused("badRequest", `Cannot take a file of the name ${JSON.stringify(given.slice(0, 80))}`);
}
