/** Keys: made, stored as a hash, and checked. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Chance, Grants, KeyRecord } from "../ports.ts";

const idLength = 10;
/** 24 characters of 62: 142 random bits. */
const secretLength = 24;

export function hashOf(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

/** A new key: its text, shown once, and the record that is kept. */
export function makeKey(
  chance: Chance,
  about: { name: string; grants: Grants; created: number; expires?: number; device?: string },
): { key: string; record: KeyRecord } {
  const id = chance.text(idLength);
  const key = `hw_${id}_${chance.text(secretLength)}`;
  return { key, record: { ...about, id, hash: hashOf(key) } };
}

/** Whether `hash` is the key's. Compared in constant time. */
export function isHash(hash: string, key: string): boolean {
  const kept = Buffer.from(hash, "hex");
  const asked = createHash("sha256").update(key).digest();
  return kept.length === asked.length && timingSafeEqual(kept, asked);
}
