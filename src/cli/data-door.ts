/** The data directory while no gateway runs: keys and devices by the same routes as in the gateway. */
import { addressesOf } from "../config/device-addresses.ts";
import type { Config } from "../config/schema.ts";
import { DeviceRegistry } from "../core/device-registry.ts";
import { owner } from "../core/gate.ts";
import { Keyring } from "../core/keyring.ts";
import { Refused } from "../core/refusals.ts";
import { type ApiApp, newApp } from "../http/api-app.ts";
import { addIdentityRoutes } from "../http/api-identities.ts";
import { addTransferRoutes } from "../http/api-transfer.ts";
import type { Identities } from "../storage/data-directory.ts";
import type { Door, Question } from "./door.ts";
import { CommandFailure } from "./failure.ts";

export class DataDoor implements Door {
  readonly #identities: Identities;
  readonly #app: ApiApp = newApp();

  /** Rejects with `DataDirectoryError`, also when a gateway has the directory after all. */
  static async open(config: Config): Promise<DataDoor> {
    const { lanAddress, systemClock, systemChance } = await import("../gateway.ts");
    const { openIdentities } = await import("../storage/data-directory.ts");
    const door = new DataDoor(openIdentities(config.data));
    const { keys, devices, putAll } = door.#identities;
    const machine = { clock: systemClock, chance: systemChance };
    const keyring = new Keyring({ keys, ...machine });
    const addresses = () => addressesOf(config, lanAddress());
    const registry = new DeviceRegistry({ devices, keyring, addresses, ...machine });
    addIdentityRoutes(door.#app, { keyring, devices: registry });
    addTransferRoutes(door.#app, { keys, devices, putAll });
    return door;
  }

  private constructor(identities: Identities) {
    this.#identities = identities;
  }

  async ask({ method, path, body }: Question): Promise<unknown> {
    const given = body === undefined ? {} : { body, headers: { "content-type": "application/json" } };
    try {
      const request = new Request(`http://hearthwire${path}`, { method, ...given });
      const response = await this.#app.fetch(request, { principal: () => owner });
      return response.status === 204 ? undefined : await response.json();
    } catch (thrown) {
      throw thrown instanceof Refused ? new CommandFailure(thrown.message) : thrown;
    }
  }

  close(): void {
    this.#identities.close();
  }
}
