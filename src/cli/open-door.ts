/** Finding the gateway that a command is meant for. */
import { controlSocket } from "../config/checks.ts";
import type { Config } from "../config/schema.ts";
import { DataDoor } from "./data-door.ts";
import type { Door, Question, StreamingDoor } from "./door.ts";
import { GatewayDoor, NoGateway } from "./gateway-door.ts";
import { configOf, elsewhereOf, type Globals } from "./globals.ts";
import { note } from "./output.ts";

/** The running gateway: of this machine, or the one that `--url` names. */
export function gatewayDoor(globals: Globals): StreamingDoor {
  const elsewhere = elsewhereOf(globals);
  return elsewhere === undefined ? ownGateway(configOf(globals)) : new GatewayDoor(elsewhere);
}

/** The running gateway, and while there is none on this machine its data directory. */
export function identityDoor(globals: Globals): Door {
  const elsewhere = elsewhereOf(globals);
  return elsewhere === undefined ? new EitherDoor(configOf(globals)) : new GatewayDoor(elsewhere);
}

/** The gateway that has the data directory, if one runs. */
export function ownGateway(config: Config): GatewayDoor {
  return new GatewayDoor({ socket: controlSocket(config), data: config.data });
}

class EitherDoor implements Door {
  readonly #config: Config;
  #data: DataDoor | undefined;

  constructor(config: Config) {
    this.#config = config;
  }

  async ask(question: Question): Promise<unknown> {
    if (this.#data === undefined) {
      try {
        return await ownGateway(this.#config).ask(question);
      } catch (thrown) {
        if (!(thrown instanceof NoGateway)) throw thrown;
      }
      this.#data = await DataDoor.open(this.#config);
      if (process.stderr.isTTY) note(`No gateway is running: this is done in its data directory ${this.#config.data}.`);
    }
    return this.#data.ask(question);
  }

  close(): void {
    this.#data?.close();
  }
}

/** Does something with a door and closes it, whatever comes. */
export async function through<D extends Door, Result>(door: D, act: (door: D) => Promise<Result>): Promise<Result> {
  try {
    return await act(door);
  } finally {
    door.close();
  }
}
