/** Keys and devices on their way to another gateway. Of keys it is hashes that travel, never the keys themselves. */
import type { DeviceRecord, DeviceStore, KeyRecord, KeyStore, PutAll } from "../ports.ts";
import { Refused } from "./refusals.ts";

export interface TransferParts {
  readonly keys: KeyStore;
  readonly devices: DeviceStore;
  readonly putAll: PutAll;
  /** Told of a key that is another one now, so that what lived by the old one ends. */
  readonly changed?: (id: string) => void;
}

export interface Identities {
  readonly keys: readonly KeyRecord[];
  readonly devices: readonly DeviceRecord[];
}

export interface Imported {
  readonly added: number;
  readonly replaced: number;
  /** Were there already. */
  readonly unchanged: number;
}

interface Sorted<Item> {
  readonly fresh: readonly Item[];
  readonly other: readonly Item[];
  readonly same: number;
}

/**
 * All of them or none. What is there already under the same id stays as it is; if it is another one it is replaced when
 * `replace` says so, and else everything is refused.
 */
export function importIdentities(
  { keys, devices, putAll, changed }: TransferParts,
  given: Identities,
  replace: boolean,
): { readonly keys: Imported; readonly devices: Imported } {
  const sortedKeys = sort("key", given.keys, keys, essenceOfKey);
  const sortedDevices = sort("device", given.devices, devices, essenceOfDevice);
  const [kind, clash] = sortedKeys.other[0] ? ["key", sortedKeys.other[0]] : ["device", sortedDevices.other[0]];
  if (clash !== undefined && !replace) {
    throw new Refused(
      "badRequest",
      `Cannot import ${kind} ${clash.id}: there is another one of this id; ask to replace`,
    );
  }
  putAll([...sortedKeys.fresh, ...sortedKeys.other], [...sortedDevices.fresh, ...sortedDevices.other]);
  for (const { id } of sortedKeys.other) changed?.(id);
  return { keys: countsOf(sortedKeys), devices: countsOf(sortedDevices) };
}

function sort<Item extends { readonly id: string }>(
  kind: string,
  given: readonly Item[],
  known: { find(id: string): Item | undefined },
  essenceOf: (item: Item) => string,
): Sorted<Item> {
  const fresh: Item[] = [];
  const other: Item[] = [];
  const seen = new Set<string>();
  let same = 0;
  for (const item of given) {
    if (seen.has(item.id)) throw new Refused("badRequest", `Cannot import ${kind} ${item.id}: it is there twice`);
    seen.add(item.id);
    const there = known.find(item.id);
    if (there === undefined) fresh.push(item);
    else if (essenceOf(there) === essenceOf(item)) same++;
    else other.push(item);
  }
  return { fresh, other, same };
}

function countsOf<Item>({ fresh, other, same }: Sorted<Item>): Imported {
  return { added: fresh.length, replaced: other.length, unchanged: same };
}

/** Without when it was used last: that differs wherever it is used. */
function essenceOfKey({ name, hash, grants, created, expires, device }: KeyRecord): string {
  return JSON.stringify([name, hash, sortedEntries(grants), created, expires ?? null, device ?? null]);
}

/** Without when and where it was seen last. */
function essenceOfDevice({ name, key, created, channels, settings }: DeviceRecord): string {
  return JSON.stringify([name, key, created, channels, sortedEntries(settings)]);
}

function sortedEntries(of: object): unknown {
  return Object.entries(of).sort(([one], [other]) => (one < other ? -1 : 1));
}
