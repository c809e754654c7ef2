/** The machine's clock and its chance. */
import { randomInt } from "node:crypto";
import { networkInterfaces } from "node:os";
import type { Chance, Clock } from "../ports.ts";

export const systemClock: Clock = {
  now: () => Date.now(),
  after(delay, task) {
    const timer = setTimeout(task, delay);
    return () => clearTimeout(timer);
  },
  atEndOfTurn(task) {
    setImmediate(task);
  },
};

/** A heap of so many bytes, as of its last collection, is collected within a tenth of a second; on a small computer in half of one. */
const soonCollected = 32 * 1024 * 1024;

/**
 * Collects memory now, with all else waiting, and gives back what is free. By itself the runtime collects what has been for
 * some time only when more is allocated: an idle gateway would keep it. A large heap is left to the runtime, which collects it
 * beside the work.
 */
export function collectMemory(heapUsed = process.memoryUsage().heapUsed, collect = () => Bun.gc(true)): boolean {
  if (heapUsed > soonCollected) return false;
  collect();
  return true;
}

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

export const systemChance: Chance = {
  text(length, alphabet = alphanumeric) {
    let text = "";
    while (text.length < length) text += alphabet[randomInt(alphabet.length)];
    return text;
  },
};

/** Networks that a machine has with its own guests, or with somewhere else. */
const notOfTheHouse = /^(docker|veth|br-|virbr|vmnet|tun|tap|wg|tailscale|zt)/;

/** This machine's IPv4 address in the house's network; undefined where it is in none. */
export function lanAddress(interfaces: typeof networkInterfaces = networkInterfaces): string | undefined {
  const all = Object.entries(interfaces()).flatMap(([name, addresses]) =>
    notOfTheHouse.test(name) ? [] : (addresses ?? []),
  );
  const reached = all.filter(
    ({ internal, family, address }) => !internal && family === "IPv4" && !isUnassigned(address),
  );
  return reached[0]?.address;
}

/** What a machine gave itself because nobody else did. */
function isUnassigned(address: string): boolean {
  return address.startsWith("169.254.");
}
