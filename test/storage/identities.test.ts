import { afterAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { openIdentities } from "../../src/storage/data-directory.ts";
import { device, deviceStoreContract, key, keyStoreContract } from "./identities.contract.ts";
import { TemporaryDirectories } from "./temporary.ts";

const directories = new TemporaryDirectories();
afterAll(() => directories.clear());

keyStoreContract("SQLite", () => {
  const directory = directories.make();
  return {
    open: () => {
      const { keys, close } = openIdentities(directory);
      return { store: keys, close };
    },
    clear: () => rmSync(directory, { recursive: true, force: true }),
  };
});

deviceStoreContract("SQLite", () => {
  const directory = directories.make();
  return {
    open: () => {
      const { devices, close } = openIdentities(directory);
      return { store: devices, close };
    },
    clear: () => rmSync(directory, { recursive: true, force: true }),
  };
});

test("keys and devices that were put survive a kill -9, with no close", async () => {
  const directory = directories.make();
  const program = `
    import { openIdentities } from ${JSON.stringify(join(import.meta.dir, "../../src/storage/data-directory.ts"))};
    const { keys, devices } = openIdentities(${JSON.stringify(directory)});
    keys.put(${JSON.stringify(key("gone"))});
    keys.put(${JSON.stringify(key("kept"))});
    keys.remove("gone");
    devices.put(${JSON.stringify(device("d", { cursor: "x" }))});
    process.kill(process.pid, "SIGKILL");`;
  await Bun.spawn([process.execPath, "-e", program], { stderr: "inherit" }).exited;
  const { keys, devices, close } = openIdentities(directory);
  expect(keys.list()).toEqual([key("kept")]);
  expect(devices.list()).toEqual([device("d", { cursor: "x" })]);
  close();
});

test("after closing, both stores still answer, and refuse to change", () => {
  const { keys, devices, close } = openIdentities(directories.make());
  keys.put(key("a"));
  devices.put(device("d"));
  close();
  keys.touch("a", 5000);
  expect(keys.find("a")?.lastUsed).toBe(5000);
  expect(devices.find("d")).toEqual(device("d"));
  expect(() => keys.put(key("b"))).toThrow("Cannot keep the key b: ");
  expect(() => devices.remove("d")).toThrow("Cannot keep that the device d is removed: ");
  expect(keys.list()).toHaveLength(1);
  expect(devices.list()).toHaveLength(1);
});
