/** Builds the three C tools into `bench/build`, when their sources have changed. */
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";

const sources = join(import.meta.dir, "native");

export interface Tools {
  readonly floor: string;
  readonly load: string;
  readonly publish: string;
}

const parts: Record<keyof Tools, readonly string[]> = {
  floor: ["floor.c", "common.c"],
  load: ["load.c", "load-wire.c", "load-http.c", "common.c"],
  publish: ["publish.c", "common.c"],
};

/** The path of each tool. Throws one clear sentence where it cannot build them. */
export function buildTools(folder = join(import.meta.dir, "build"), compiler = "gcc"): Tools {
  if (process.platform !== "linux") throw new Error("Cannot run the bench: its tools are written for Linux (epoll).");
  if (Bun.which(compiler) === null) {
    throw new Error(`Cannot build the bench tools: there is no ${compiler}. On Debian: apt-get install gcc libc6-dev`);
  }
  mkdirSync(folder, { recursive: true });
  const newest = Math.max(...readdirSync(sources).map((file) => statSync(join(sources, file)).mtimeMs));
  const build = (tool: keyof Tools): string => {
    const target = join(folder, tool);
    if (existsSync(target) && statSync(target).mtimeMs > newest) return target;
    const fresh = `${target}.${process.pid}`;
    const files = parts[tool].map((file) => join(sources, file));
    const { exitCode, stderr } = Bun.spawnSync([
      compiler,
      "-O2",
      "-Wall",
      "-Wextra",
      "-std=gnu17",
      "-o",
      fresh,
      ...files,
    ]);
    if (exitCode !== 0) throw new Error(`Cannot build the bench tool ${tool}:\n${stderr.toString()}`);
    renameSync(fresh, target);
    return target;
  };
  return { floor: build("floor"), load: build("load"), publish: build("publish") };
}
