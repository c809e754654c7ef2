/** The methods of Jeedom's API, but for those that wait. Errors as Jeedom throws them: a negative code, and French words. */
import type { Command, Scenario } from "./building.ts";
import type { House } from "./house.ts";
import { commandShape, commandsOf, equipmentShape, objectShape, scenarioShape, type Written } from "./shapes.ts";
import { type Asking, may } from "./users.ts";

export class Fault extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export const notAllowed = "Vous n'êtes pas autorisé à effectuer cette action";

export interface MethodParts {
  readonly house: House;
  readonly config: Map<string, string>;
  readonly written: Written;
  readonly version: string;
  /** In seconds. */
  readonly now: () => number;
}

export type Params = Readonly<Record<string, unknown>>;
type Method = (params: Params, asking: Asking) => unknown;

export class Methods {
  readonly #parts: MethodParts;
  readonly #methods: Readonly<Record<string, Method>>;

  constructor(parts: MethodParts) {
    this.#parts = parts;
    const { house, config, version, now } = parts;
    this.#methods = {
      version: () => version,
      datetime: () => now(),
      "jeedom::isOk": () => true,
      "config::byKey": ({ key, default: otherwise = "" }) => config.get(String(key)) || otherwise,
      "jeeObject::full": (_, asking) => this.#full(asking),
      "object::full": (_, asking) => this.#full(asking),
      "jeeObject::all": () => [...house.building.objects.values()].map((one) => objectShape(one, parts.written)),
      "jeeObject::byId": ({ id }) => this.#object(id),
      "jeeObject::fullById": ({ id }, asking) => ({
        ...this.#object(id),
        eqLogics: this.#equipmentsOf(Number(id), asking),
      }),
      "summary::global": ({ key }) => this.#globalSummary(key),
      "summary::byId": ({ id, key }) => {
        this.#object(id);
        return house.summary(Number(id), String(key ?? ""));
      },
      "eqLogic::all": (_, asking) => this.#equipments(asking),
      "eqLogic::byId": ({ id }, asking) =>
        this.#equipments(asking).find((one) => String(one["id"]) === String(id)) ?? null,
      "cmd::byId": ({ id }) => this.#commandById(this.#command(id)),
      "cmd::execCmd": (params, asking) => this.#execute(params, asking),
      "cmd::event": ({ id, value }) => {
        house.set(this.#command(id).id, typeof value === "number" ? value : String(value ?? ""));
      },
      "scenario::all": (_, asking) => this.#scenarios(asking),
      "scenario::byId": ({ id }) => scenarioShape(this.#scenario(id, -32703), parts.written),
      "scenario::changeState": (params, asking) => this.#changeScenario(params, asking),
      "message::all": () => house.messages,
      "message::removeAll": () => {
        house.messages = [];
      },
      "message::removebyId": ({ id }) => {
        house.messages = house.messages.filter((message) => message.id !== Number(id));
      },
      "plugin::listPlugin": () => [],
      "interact::tryToReply": ({ query }) => ({ reply: `Je n'ai pas compris : ${String(query)}` }),
    };
  }

  answer(method: string, params: Params, asking: Asking): unknown {
    const found = Object.hasOwn(this.#methods, method) ? this.#methods[method] : undefined;
    if (found === undefined) throw new Fault(-32500, `Aucune méthode correspondante : ${method}`);
    return found(params, asking);
  }

  #full(asking: Asking): unknown {
    return [...this.#parts.house.building.objects.values()]
      .filter(({ isVisible }) => isVisible)
      .map((object) => ({
        ...objectShape(object, this.#parts.written),
        eqLogics: this.#equipmentsOf(object.id, asking),
      }));
  }

  #equipmentsOf(object: number, asking: Asking): readonly Record<string, unknown>[] {
    const { house, written } = this.#parts;
    return [...house.building.equipments.values()]
      .filter(({ objectId, isVisible, isEnable }) => objectId === object && isVisible && isEnable)
      .filter(({ id }) => may(asking, "eqLogic", id, "r"))
      .map((equipment) => {
        const cmds = commandsOf(house.building, equipment.id).map((command) => ({
          ...commandShape(command, equipment, written),
          ...(command.plan.type === "info" ? { state: command.state } : {}),
        }));
        return { ...equipmentShape(equipment, written), cmds };
      });
  }

  #equipments(asking: Asking): readonly Record<string, unknown>[] {
    const { house, written } = this.#parts;
    return [...house.building.equipments.values()]
      .filter(({ id }) => may(asking, "eqLogic", id, "r"))
      .map((one) => equipmentShape(one, written));
  }

  #scenarios(asking: Asking): unknown {
    return [...this.#parts.house.building.scenarios.values()]
      .filter(({ id }) => may(asking, "scenario", id, "r"))
      .map((one) => scenarioShape(one, this.#parts.written));
  }

  #object(id: unknown): Record<string, unknown> {
    const object = this.#parts.house.building.objects.get(Number(id));
    if (object === undefined) throw new Fault(-32601, `Objet introuvable : ${String(id)}`);
    return objectShape(object, this.#parts.written);
  }

  #globalSummary(key: unknown): unknown {
    const { house } = this.#parts;
    if (key !== undefined) return house.summary("global", String(key));
    const keys = new Set([...house.building.objects.values()].flatMap(({ summary }) => [...summary.keys()]));
    return Object.fromEntries(Array.from(keys, (one) => [one, house.summary("global", one)]));
  }

  #command(id: unknown): Command {
    const command = this.#parts.house.building.commands.get(Number(id));
    if (command === undefined) throw new Fault(-32702, `Commande introuvable : ${String(id)}`);
    return command;
  }

  #commandById(command: Command): unknown {
    const { house, written } = this.#parts;
    const equipment = house.building.equipments.get(command.equipmentId);
    if (equipment === undefined) return null;
    const current = command.plan.type === "info" ? { currentValue: command.state } : {};
    return { ...commandShape(command, equipment, written), ...current };
  }

  #execute({ id, options, codeAccess, confirmAction }: Params, asking: Asking): unknown {
    const one = (which: unknown, skips: boolean): unknown => {
      const command = this.#command(which);
      if (!may(asking, "eqLogic", command.equipmentId, command.plan.type === "info" ? "r" : "rx")) {
        if (skips) return undefined;
        throw new Fault(0, notAllowed);
      }
      if (command.code !== "" && command.code !== codeAccess) throw new Fault(-32005, "Un code d'accès est nécessaire");
      if (command.needsConfirmation && Number(confirmAction) !== 1) {
        throw new Fault(-32006, "Une confirmation est nécessaire");
      }
      if (command.plan.type === "info") return { value: command.state, collectDate: command.collectDate };
      this.#parts.house.act(command, typeof options === "object" && options !== null ? (options as Params) : {});
      return undefined;
    };
    if (!Array.isArray(id)) return one(id, false) ?? [];
    const answers = id.map((each: unknown) => [String(each), one(each, true)] as const);
    return Object.fromEntries(answers.filter(([, answer]) => answer !== undefined));
  }

  #scenario(id: unknown, code: number): Scenario {
    const scenario = this.#parts.house.building.scenarios.get(Number(id));
    if (scenario === undefined) throw new Fault(code, `Scénario introuvable : ${String(id)}`);
    return scenario;
  }

  #changeScenario({ id, state }: Params, asking: Asking): unknown {
    const scenario = this.#scenario(id, -32702);
    if (!may(asking, "scenario", scenario.id, "rx")) throw new Fault(-32701, notAllowed);
    const { house } = this.#parts;
    if (state === "run") {
      if (!scenario.isActive) return false;
      house.run(scenario.id, "run");
      house.run(scenario.id, "stop");
    } else if (state === "stop") house.run(scenario.id, "stop");
    else if (state === "enable" || state === "disable") house.enable(scenario.id, state === "enable");
    else throw new Fault(-32702, `Etat inconnu : ${String(state)}`);
    return true;
  }
}
