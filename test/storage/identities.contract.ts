/** What every `KeyStore` and `DeviceStore` must do. Run by one test file per implementation. */
import { afterEach, describe, expect, test } from "bun:test";
import type { DeviceRecord, DeviceStore, KeyRecord, KeyStore } from "../../src/ports.ts";

export interface StorePlace<Store> {
  open(): { readonly store: Store; close(): void };
  clear(): void;
}

export function key(id: string, more: Partial<KeyRecord> = {}): KeyRecord {
  return { id, name: `key ${id}`, hash: "a".repeat(64), grants: { subscribe: ["home/**"] }, created: 1000, ...more };
}

export function device(id: string, more: Partial<DeviceRecord> = {}): DeviceRecord {
  return { id, name: `device ${id}`, key: `k-${id}`, created: 1000, channels: [], settings: {}, ...more };
}

interface Stored {
  readonly id: string;
}

interface StoreOf<Item extends Stored> {
  find(id: string): Item | undefined;
  list(): readonly Item[];
  put(item: Item): void;
  remove(id: string): boolean;
}

export function keyStoreContract(name: string, newPlace: () => StorePlace<KeyStore>): void {
  const rich = key("rich", { expires: 2000, lastUsed: 1500, device: "d1", grants: { call: ["light.*"], admin: [] } });
  storeContract(`KeyStore: ${name}`, newPlace, key, rich, (visit) => {
    test("the last use is known at once, and after reopening", () => {
      visit((store) => {
        store.put(key("a"));
        store.touch("a", 5000);
        store.touch("a", 4000);
        store.touch("unknown", 5000);
        expect(store.find("a")).toEqual(key("a", { lastUsed: 5000 }));
      });
      visit((store) => expect(store.list()).toEqual([key("a", { lastUsed: 5000 })]));
    });

    test("a key that was used and then removed stays removed", () => {
      visit((store) => {
        store.put(key("a"));
        store.touch("a", 5000);
        expect(store.remove("a")).toBe(true);
      });
      visit((store) => expect(store.list()).toEqual([]));
    });

    test("a key that was used and then replaced is as it was put", () => {
      visit((store) => {
        store.put(key("a"));
        store.touch("a", 5000);
        store.put(key("a", { name: "other" }));
      });
      visit((store) => expect(store.find("a")).toEqual(key("a", { name: "other" })));
    });
  });
}

export function deviceStoreContract(name: string, newPlace: () => StorePlace<DeviceStore>): void {
  const rich = device("rich", {
    lastSeen: 1500,
    cursor: "abc:12",
    channels: ["a", "b/c"],
    settings: { unit: "°C", "a b": "" },
  });
  storeContract(`DeviceStore: ${name}`, newPlace, device, rich, (visit) => {
    test("a device that is seen, and seen again, and changed, is as it was put last", () => {
      visit((store) => {
        store.put(device("a"));
        store.put(device("a", { lastSeen: 2000 }));
        store.put(device("a", { lastSeen: 3000 }));
        expect(store.find("a")?.lastSeen).toBe(3000);
      });
      visit((store) => {
        expect(store.find("a")).toEqual(device("a", { lastSeen: 3000 }));
        store.put(device("a", { lastSeen: 4000 }));
        store.put(device("a", { cursor: "c", channels: ["x"] }));
      });
      visit((store) => expect(store.find("a")).toEqual(device("a", { cursor: "c", channels: ["x"] })));
    });
  });
}

function storeContract<Item extends Stored, Store extends StoreOf<Item>>(
  title: string,
  newPlace: () => StorePlace<Store>,
  item: (id: string, more?: { name?: string }) => Item,
  rich: Item,
  more: (visit: (work: (store: Store) => void) => void) => void,
): void {
  describe(title, () => {
    let place: StorePlace<Store> | undefined;
    afterEach(() => {
      place?.clear();
      place = undefined;
    });
    const visit = (work: (store: Store) => void): void => {
      place ??= newPlace();
      const { store, close } = place.open();
      try {
        work(store);
      } finally {
        close();
      }
    };

    test("a new store is empty", () => {
      visit((store) => {
        expect(store.list()).toEqual([]);
        expect(store.find("a")).toBeUndefined();
        expect(store.remove("a")).toBe(false);
      });
    });

    test("what is put is found at once and after reopening, with all its fields and no others", () => {
      visit((store) => {
        store.put(item("plain"));
        store.put(rich);
        expect(store.find("plain")).toEqual(item("plain"));
      });
      visit((store) => {
        expect(store.find("plain")).toEqual(item("plain"));
        expect(store.find("rich")).toEqual(rich);
        expect(store.list()).toHaveLength(2);
      });
    });

    test("a second put of the same id replaces the first", () => {
      visit((store) => {
        store.put(item("a"));
        store.put(item("b"));
        store.put(item("a", { name: "new" }));
        expect(store.list().map(({ id }) => id)).toEqual(["a", "b"]);
      });
      visit((store) => expect(store.find("a")).toEqual(item("a", { name: "new" })));
    });

    test("what is removed is gone at once and after reopening", () => {
      visit((store) => {
        store.put(item("a"));
        store.put(item("b"));
        expect(store.remove("a")).toBe(true);
        expect(store.remove("a")).toBe(false);
        expect(store.find("a")).toBeUndefined();
      });
      visit((store) => expect(store.list()).toEqual([item("b")]));
    });

    more(visit);
  });
}
