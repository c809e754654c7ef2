// npm run build:espruino: makes the modules for the board, devices/espruino/*.js, of the TypeScript beside them.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { transform } from "@swc/core";
import { minify } from "terser";

const folder = fileURLToPath(new URL("../devices/espruino/", import.meta.url));

/** A board has a few kB, so a module has at most so many bytes. */
export const modules = {
  hearthwire: { source: `${folder}src/hearthwire.ts`, file: `${folder}hearthwire.js`, most: 6000 },
  "hearthwire-channels": { source: `${folder}src/channels.ts`, file: `${folder}hearthwire-channels.js`, most: 2500 },
};

/**
 * ES5 in one file, without what interpreters for chips read otherwise than others. It assigns `exports`, which every firmware
 * gives to a module.
 * @param {string} source
 */
export async function buildModule(source) {
  const bundle = await Bun.build({ entrypoints: [source], target: "browser", format: "esm" });
  const [file] = bundle.outputs;
  if (file === undefined) throw new Error(`Cannot bundle ${source}`);
  const bundled = await file.text();
  const exporting = /export\s*\{\s*(\w+)\s*\};?\s*$/;
  if (!exporting.test(bundled)) throw new Error(`Cannot find what ${source} exports`);
  const named = bundled.replace(exporting, "exports = $1;").replaceAll("firmware(", "require(");
  const { code: es5 } = await transform(named, {
    isModule: false,
    jsc: {
      parser: { syntax: "ecmascript" },
      target: "es5",
      loose: true,
      externalHelpers: true,
      assumptions: {
        noClassCalls: true,
        setClassMethods: true,
        setPublicClassFields: true,
        ignoreFunctionLength: true,
        ignoreFunctionName: true,
        noNewArrows: true,
      },
    },
  });
  // The interpreter has one mode.
  const { code } = await minify(es5.replaceAll('"use strict";', ""), {
    ecma: 5,
    toplevel: true,
    // A function within a function is copied into memory at every call, so none is moved there; `for (;;)` is not for every firmware.
    compress: { loops: false, inline: false, reduce_funcs: false, passes: 2 },
    mangle: { properties: { regex: /^_/ } },
    format: { ascii_only: true, max_line_len: 1000, preamble: "// Hearthwire for Espruino (MIT)" },
  });
  if (code === undefined) throw new Error(`Cannot minify ${source}`);
  return `${code}\n`;
}

if (import.meta.main) {
  for (const [name, { source, file, most }] of Object.entries(modules)) {
    const code = await buildModule(source);
    writeFileSync(file, code);
    console.log(`${name}.js: ${code.length} bytes, of at most ${most}`);
    if (code.length > most) process.exitCode = 1;
  }
}
