/** Keys or devices in memory: what lasts over the gateways of a test. */
export class Records<T extends { readonly id: string }> {
  readonly #records = new Map<string, T>();
  find(id: string): T | undefined {
    return this.#records.get(id);
  }
  list(): readonly T[] {
    return [...this.#records.values()];
  }
  put(record: T): void {
    this.#records.set(record.id, record);
  }
  remove(id: string): boolean {
    return this.#records.delete(id);
  }
  touch(): void {
    // Nobody asks here when a key was used.
  }
}
