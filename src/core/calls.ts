/** Methods that peers may call: a registry, the grant `call`, and the refusals of both. */
import type { JsonText, MaybePromise } from "../ports.ts";
import { Refused } from "./refusals.ts";
import type { Principal } from "./session.ts";

/** Answers a call, or throws `Refused`: 108 while it cannot, 107 where it can make nothing of the parameters. */
export type Callable = (params: JsonText, by: Principal) => MaybePromise<JsonText>;

/** Levels separated by `.`: `deconz.set`. */
const methodForm = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;

export class Calls {
  readonly #methods = new Map<string, Callable>();

  /** The answer takes it back. */
  register(method: string, callable: Callable): () => void {
    if (!methodForm.test(method)) throw new Error(`Cannot register method ${JSON.stringify(method)}: no such form`);
    if (this.#methods.has(method)) throw new Error(`Cannot register method ${method}: it is there already`);
    this.#methods.set(method, callable);
    return () => {
      if (this.#methods.get(method) === callable) this.#methods.delete(method);
    };
  }

  /** Names that a principal may call, in order. */
  methods(by: Principal): readonly string[] {
    return [...this.#methods.keys()].filter((method) => by.rights.may("call", method)).sort();
  }

  /** Refused: 103 without the grant, which does not tell what there is; 104 when there is no such method. */
  call(method: string, params: JsonText, by: Principal): MaybePromise<JsonText> {
    if (!methodForm.test(method)) throw new Refused("methodNotFound", "Cannot call it: that is no method's name");
    by.rights.require("call", method);
    const callable = this.#methods.get(method);
    if (callable === undefined)
      throw new Refused("methodNotFound", `Cannot call ${method.slice(0, 80)}: no such method`);
    return callable(params, by);
  }
}
