/** QR codes of JSON: shown on the terminal, written as images, and read from images. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../core/thrown.ts";
import { CommandFailure } from "./failure.ts";
import { note } from "./output.ts";

/** Largest image that is read, in bytes; a QR code is some kilobytes. */
const largestImage = 8 * 1024 * 1024;
const beginningOfPng = "\u0089PNG";
/** Pixels of a block in an image. */
const scale = 6;
/** Red, green, blue, opacity. */
const bytesPerPixel = 4;

export interface QrFiles {
  readonly folder: string;
  /** Without ending: there is a PNG and an SVG. */
  readonly name: string;
}

/** Shows it, and writes it into files that only their owner may read. The answer names them. */
export async function showQrCode(value: object, files: QrFiles | undefined): Promise<readonly string[]> {
  const { encode, renderSVG, renderUnicodeCompact } = await import("uqr");
  const text = asciiJson(value);
  const how = { ecc: "M", border: 4 } as const;
  note(renderUnicodeCompact(text, how));
  if (files === undefined) return [];
  const { folder, name } = files;
  const images = [
    [`${name}.png`, await pngOf(encode(text, how).data)],
    [`${name}.svg`, renderSVG(text, { ...how, pixelSize: scale })],
  ] as const;
  return images.map(([file, image]) => {
    const path = join(folder, file);
    try {
      writeFileSync(path, image, { mode: 0o600 });
    } catch (thrown) {
      throw new CommandFailure(`Cannot write the QR code: ${messageOf(thrown)}`);
    }
    return path;
  });
}

/** What a QR code in a PNG says, or a text file that holds what would be in one. */
export async function readQrCode(path: string): Promise<string> {
  const bytes = contentOf(path);
  if (bytes.toString("latin1", 0, 4) !== beginningOfPng) return bytes.toString("utf8");
  const { PNG } = await import("pngjs");
  const { default: jsQR } = await import("jsqr");
  try {
    const { width, height, data } = PNG.sync.read(bytes);
    const found = jsQR(new Uint8ClampedArray(data), width, height);
    if (found !== null) return found.data;
  } catch (thrown) {
    throw new CommandFailure(`Cannot read the image ${path}: ${messageOf(thrown)}`);
  }
  throw new CommandFailure(`Cannot find a QR code in ${path}: give the plugin's own PNG, or its JSON`);
}

function contentOf(path: string): Buffer {
  try {
    const bytes = readFileSync(path);
    if (bytes.length <= largestImage) return bytes;
  } catch (thrown) {
    throw new CommandFailure(`Cannot read ${path}: ${messageOf(thrown)}`);
  }
  throw new CommandFailure(`Cannot read ${path}: it is larger than 8 MiB`);
}

/** Readers differ in what they take bytes beyond ASCII for; JSON can do without them. */
function asciiJson(value: object): string {
  return JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** `blocks`: its rows, true where it is dark. */
async function pngOf(blocks: readonly (readonly boolean[])[]): Promise<Buffer> {
  const { PNG } = await import("pngjs");
  const side = blocks.length * scale;
  const image = new PNG({ width: side, height: side });
  image.data.fill(255);
  for (const [row, cells] of blocks.entries()) {
    for (const [column, dark] of cells.entries()) {
      if (!dark) continue;
      for (let line = row * scale; line < (row + 1) * scale; line++) {
        const begin = (line * side + column * scale) * bytesPerPixel;
        const end = begin + scale * bytesPerPixel;
        for (let at = begin; at < end; at += bytesPerPixel) image.data.fill(0, at, at + bytesPerPixel - 1);
      }
    }
  }
  return PNG.sync.write(image, { colorType: 0 });
}
