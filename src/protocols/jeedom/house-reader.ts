/** Reads the house as a whole, and its summaries one by one. */
import { objectOf } from "../../core/json.ts";
import type { Log } from "../../ports.ts";
import { dated, type House, readHouse, type SummaryName, summaryNames } from "./house.ts";
import { JeedomError, type JsonRpc } from "./json-rpc.ts";
import type { Picture } from "./picture.ts";

/** What Jeedom says where it has no such method. */
const noSuchMethod = 500;
/** Commands that are asked about in one request. */
const mostAtOnce = 100;

export class HouseReader {
  readonly #rpc: JsonRpc;
  readonly #picture: Picture;
  readonly #log: Log;
  #readsSummaries = false;

  constructor(rpc: JsonRpc, picture: Picture, log: Log) {
    this.#rpc = rpc;
    this.#picture = picture;
    this.#log = log;
  }

  /** The answer is how many commands had another value than was known. `wanted` says whether the answer still counts. */
  async read(wanted: () => boolean): Promise<number> {
    const full = await this.#full();
    const house = await this.#dated(readHouse(full, await this.#scenarios()));
    if (!wanted()) return 0;
    const changed = this.#picture.take(house);
    if (!this.#readsSummaries) {
      this.#readsSummaries = true;
      void this.#readSummaries(summaryNames(full), wanted).finally(() => {
        this.#readsSummaries = false;
      });
    }
    return changed;
  }

  /** None where the key may not ask for them. */
  async #scenarios(): Promise<readonly unknown[]> {
    try {
      return await this.#rpc.list("scenario::all");
    } catch (thrown) {
      if (thrown instanceof JeedomError) return [];
      throw thrown;
    }
  }

  /**
   * With the dates of values that no event told of: the whole has none, and an information that is "executed" tells its own.
   * Without those that the key may not ask for.
   */
  async #dated(house: House): Promise<House> {
    const ids = this.#picture.undated(house);
    const told: [id: string, value: unknown][] = [];
    for (let at = 0; at < ids.length; at += mostAtOnce) {
      try {
        const { result } = await this.#rpc.ask("cmd::execCmd", { params: { id: ids.slice(at, at + mostAtOnce) } });
        told.push(...Object.entries(objectOf(result)));
      } catch (thrown) {
        if (!(thrown instanceof JeedomError)) throw thrown;
      }
    }
    return dated(house, told);
  }

  /** Before 4.0 it had another name. */
  async #full(): Promise<readonly unknown[]> {
    try {
      return await this.#rpc.list("jeeObject::full");
    } catch (thrown) {
      if (!(thrown instanceof JeedomError) || thrown.code !== noSuchMethod) throw thrown;
      return this.#rpc.list("object::full");
    }
  }

  /** One after the other, beside the events: there are many, and nobody waits for them. */
  async #readSummaries(names: readonly SummaryName[], wanted: () => boolean): Promise<void> {
    this.#picture.beginSummaries();
    try {
      const { result } = await this.#rpc.ask("summary::global");
      for (const [key, value] of Object.entries(objectOf(result))) {
        if (wanted()) this.#picture.takeSummary({ object: "global", key }, value);
      }
      for (const { object, key } of names) {
        if (!wanted()) return;
        const answer = await this.#rpc.ask("summary::byId", { params: { id: object, key } });
        // Since 4.5 it is said of 0 too.
        if (wanted()) this.#picture.takeSummary({ object, key }, answer.result === "ok" ? 0 : answer.result);
      }
    } catch (thrown) {
      this.#log.debug({ err: thrown }, "Cannot read the summaries of the house");
    }
  }
}
