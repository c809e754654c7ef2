/** Methods that peers may call: a registry, the grant `call`, and the refusals of both. */
import type { JsonText, MaybePromise } from "../ports.ts";
import { matches, patternFault } from "./channels.ts";
import { type JsonObject, parseObject } from "./json.ts";
import { Refused } from "./refusals.ts";
import type { Principal } from "./session.ts";

/** Answers a call, or throws `Refused`: 108 while it cannot, 107 where it can make nothing of the parameters. */
export type Callable = (params: JsonText, by: Principal, method: string) => MaybePromise<JsonText>;

export type BridgeMethod = (params: JsonObject) => MaybePromise<JsonText>;

/** Levels separated by `.`: `deconz.set`. */
const methodForm = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;

export class Calls {
  readonly #methods = new Map<string, Callable>();
  /** In the order in which they were registered; methods of a name of their own come before. */
  #families: readonly { readonly pattern: string; readonly callable: Callable }[] = [];

  /** The answer takes it back. */
  register(method: string, callable: Callable): () => void {
    if (!methodForm.test(method)) throw new Error(`Cannot register method ${JSON.stringify(method)}: no such form`);
    if (this.#methods.has(method)) throw new Error(`Cannot register method ${method}: it is there already`);
    this.#methods.set(method, callable);
    return () => {
      if (this.#methods.get(method) === callable) this.#methods.delete(method);
    };
  }

  /** `<bridge>.<name>` for each of a bridge's methods, whose parameters are an object. The answer takes them back. */
  registerAll(bridge: string, methods: Readonly<Record<string, BridgeMethod>>): () => void {
    const takeBack = Object.entries(methods).map(([name, method]) =>
      this.register(`${bridge}.${name}`, (params) => method(objectIn(params))),
    );
    return () => {
      for (const back of takeBack) back();
    };
  }

  /** All methods that a pattern like `app.*` matches and that have no name of their own here, in the place of those before. */
  registerFamilies(families: Iterable<readonly [pattern: string, callable: Callable]>): void {
    this.#families = Array.from(families, ([pattern, callable]) => {
      const fault = methodPatternFault(pattern);
      if (fault !== undefined) throw new Error(`Cannot register methods ${JSON.stringify(pattern)}: ${fault}`);
      return { pattern: levels(pattern), callable };
    });
  }

  /** Names that a principal may call, in order. */
  methods(by: Principal): readonly string[] {
    return [...this.#methods.keys()].filter((method) => by.rights.may("call", method)).sort();
  }

  /** Refused: 103 without the grant, which does not tell what there is; 104 when there is no such method. */
  call(method: string, params: JsonText, by: Principal): MaybePromise<JsonText> {
    if (!methodForm.test(method)) throw new Refused("methodNotFound", "Cannot call it: that is no method's name");
    by.rights.require("call", method);
    const family = (): Callable | undefined =>
      this.#families.find(({ pattern }) => matches(pattern, levels(method)))?.callable;
    const callable = this.#methods.get(method) ?? family();
    if (callable === undefined)
      throw new Refused("methodNotFound", `Cannot call ${method.slice(0, 80)}: no such method`);
    return callable(params, by, method);
  }
}

function objectIn(params: JsonText): JsonObject {
  const value = parseObject(params);
  if (value === undefined) throw new Refused("badRequest", "Cannot call it: give an object of parameters");
  return value;
}

function levels(method: string): string {
  return method.replaceAll(".", "/");
}

/** What is wrong with a method's name or a pattern of methods, or nothing. */
export function methodPatternFault(pattern: string): string | undefined {
  if (!/^[A-Za-z0-9_.*-]+$/.test(pattern)) return "methods have letters, digits, `-`, `_`, and `.` between levels";
  return patternFault(levels(pattern));
}
