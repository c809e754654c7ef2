/** Files that phones bring and pictures of cameras that they ask for, passed on with limits. */
import { Refused } from "../../core/refusals.ts";
import type { Visit } from "../../ports.ts";
import type { Plugin } from "./plugin.ts";

/** In bytes: what a phone uploads at once, what the plugin says to that, and one picture of a camera. */
const largestUpload = 32 * 1024 * 1024;
const largestReply = 1024 * 1024;
const largestPicture = 8 * 1024 * 1024;
const mostFiles = 20;
/** How long the plugin may take, in ms. */
const uploadPatience = 60_000;
const picturePatience = 15_000;

/** What the app brings: pictures, sounds, films and its own backups. Nothing that a web server would run. */
const kinds = /\.(?:png|jpe?g|gif|webp|bmp|svg|ico|heic|mp3|wav|ogg|m4a|aac|mp4|mov|webm|json|txt|pdf|zip)$/i;
const programs = /\.(?:php\d?|phtml|phar|pht|phps|cgi|pl|py|sh|htaccess)(?:\.|$)/i;
const pictureOptions = ["apiKey", "id", "compress", "resize"];
/** Where the plugin has its images and those of its users. The QR codes beside it are nobody's business. */
export const imageFolder = "/plugins/JeedomConnect/data/img/";
/** A folder or file in it; none whose name is a program's, which the web server would run whatever stands behind it. */
const imageName = /^[\p{L}\d_-][\p{L}\p{M}\d_ .,&+()'’-]*$/u;
const isOfImages = (name: string): boolean => imageName.test(name) && !programs.test(name);

export class FilesFace {
  readonly #plugin: Plugin;
  /** Whose an upload is, is known when all of it is there: each address counts as one phone. */
  readonly #uploads = new Passage(4, 2);
  /** A phone has at most six connections at once to one place: no page of it is without a picture. */
  readonly #pictures = new Passage(12, 6);
  readonly #images = new Passage(48, 24);

  constructor(plugin: Plugin) {
    this.#plugin = plugin;
  }

  upload(visit: Visit): Promise<Response> {
    if (visit.request.method !== "POST") throw new Refused("badRequest", "Cannot take that: files are posted");
    return this.#uploads.pass(visit.address, async () => {
      // Written anew, so that the plugin reads the same in it as was looked at here.
      const body = new Response(await readForm(visit));
      const { status, text } = await this.#plugin.page("/plugins/JeedomConnect/core/api/upload.api.php", {
        method: "POST",
        headers: { "content-type": body.headers.get("content-type") ?? "" },
        body: new Uint8Array(await body.arrayBuffer()),
        patience: uploadPatience,
        largest: largestReply,
        signal: visit.request.signal,
      });
      if (status >= 400) throw new Error(`it answers ${status}`);
      return new Response(this.#plugin.clean(text), { headers: { "content-type": "application/json" } });
    });
  }

  snapshot({ query, request }: Visit): Promise<Response> {
    const asked = new URLSearchParams();
    for (const name of pictureOptions) if (query.has(name)) asked.append(name, query.get(name) ?? "");
    const page = `/plugins/JeedomConnect/core/php/snapshot.php?${asked}`;
    return this.#pictures.pass(query.get("apiKey") ?? "", () => this.#picture(page, request, "no-store"));
  }

  image({ path, address, request }: Visit): Promise<Response> {
    const names = path.slice(imageFolder.length).split("/").map(decoded);
    if (!names.every(isOfImages)) throw new Refused("unknownChannel", "Cannot find that image");
    const page = imageFolder + names.map(encodeURIComponent).join("/");
    return this.#images.pass(address, () => this.#picture(page, request, "private, max-age=3600"));
  }

  async #picture(page: string, { method, signal }: Request, caching: string): Promise<Response> {
    if (method !== "GET") throw new Refused("badRequest", "Cannot take that: pictures are asked for by GET");
    const dial = { patience: picturePatience, largest: largestPicture, asBytes: true, signal } as const;
    const { status, headers, bytes } = await this.#plugin.page(page, dial);
    if (status === 404) throw new Refused("unknownChannel", "Cannot find that image");
    const type = headers.get("content-type") ?? "";
    if (!/^image\/[\w.+-]+$/.test(type))
      throw new Refused("notAvailable", "Cannot show it: the plugin sent no picture");
    // One may hold a script, which must not run as if the gateway had written it.
    const tame = { "content-security-policy": "sandbox", "x-content-type-options": "nosniff" };
    return new Response(bytes, { headers: { "content-type": type, "cache-control": caching, ...tame } });
  }
}

/** So many at once, and so many of each phone; more are refused. */
class Passage {
  readonly #most: number;
  readonly #mostOfEach: number;
  #passing: readonly string[] = [];

  constructor(most: number, mostOfEach: number) {
    this.#most = most;
    this.#mostOfEach = mostOfEach;
  }

  async pass(whose: string, pass: () => Promise<Response>): Promise<Response> {
    const own = this.#passing.filter((one) => one === whose);
    if (this.#passing.length >= this.#most || own.length >= this.#mostOfEach)
      throw new Refused("tooManyRequests", "Cannot pass on more files at once", 1);
    this.#passing = [...this.#passing, whose];
    try {
      return await pass();
    } catch (thrown) {
      throw thrown instanceof Refused ? thrown : new Refused("notAvailable", "Cannot get it from Jeedom's plugin now");
    } finally {
      this.#passing = this.#passing.toSpliced(this.#passing.indexOf(whose), 1);
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

/** Empty where it cannot be. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

/** Its name alone; refused where it is that of a program, or nobody knows of what. */
export function nameOfFile(given: string): string {
  const name = given.split(/[/\\]/).at(-1) ?? "";
  const isPlain = /^[^.\u0000-\u001f"<>|:*?][^\u0000-\u001f"<>|:*?]{0,199}$/.test(name);
  if (isPlain && kinds.test(name) && !programs.test(name)) return name;
  throw new Refused("badRequest", `Cannot take a file of the name ${JSON.stringify(given.slice(0, 80))}`);
}
