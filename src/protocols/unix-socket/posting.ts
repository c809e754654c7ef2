/** `POST /devices`: the same commands for backends elsewhere, one or a list, each with the rights of the caller's key. */

import { elementTexts } from "../../core/member-text.ts";
import type { PublishRate } from "../../core/rate.ts";
import { asRefused, Refused } from "../../core/refusals.ts";
import type { Principal } from "../../core/session.ts";
import type { Answer, MaybePromise, Visit } from "../../ports.ts";
import { jsonAnswer, type Outcome } from "./answers.ts";
import type { Commands } from "./commands.ts";

export interface PostingParts {
  readonly commands: Commands;
  readonly rate: PublishRate;
  /** Largest body, in bytes. */
  readonly limits: { readonly body: number };
}

const mostInList = 10_000;

export class Posting {
  readonly #parts: PostingParts;

  constructor(parts: PostingParts) {
    this.#parts = parts;
  }

  async post(visit: Visit, principal: Principal): Promise<Answer> {
    const text = await visit.text(this.#parts.limits.body);
    const value = parse(text);
    if (!Array.isArray(value)) return answerTo(value, text, await this.#obey(value, text, visit, principal));
    if (value.length > mostInList) {
      throw new Refused("limitExceeded", `Cannot obey more than ${mostInList} commands in one list`);
    }
    // All are handed in before the first is waited for, so that durable ones share a commit.
    const texts = elementTexts(text);
    const answers = value.map(async (command, at) => {
      const written = texts[at] ?? "";
      return jsonAnswer(command, written, await this.#obey(command, written, visit, principal));
    });
    return json(`[${(await Promise.all(answers)).join(",")}]`);
  }

  #obey(value: unknown, text: string, { address }: Visit, principal: Principal): MaybePromise<Outcome> {
    const { commands } = this.#parts;
    const stranger = principal.id === "anonymous";
    try {
      this.#parts.rate.take(principal, address, text);
    } catch (thrown) {
      return { refused: asRefused(thrown) };
    }
    const outcome = commands.obey(commands.read(value, text), principal.rights);
    if (!stranger) return outcome;
    return outcome instanceof Promise ? outcome.then(askForKey) : askForKey(outcome);
  }
}

/** Who showed no key is asked for one. */
function askForKey(outcome: Outcome): Outcome {
  if (outcome.refused?.refusal.code !== 103) return outcome;
  return { refused: new Refused("unauthorized", "Cannot obey it without a key: send one") };
}

function answerTo(value: unknown, text: string, outcome: Outcome): Response {
  const { refused } = outcome;
  return json(jsonAnswer(value, text, outcome), refused?.refusal.status, refused?.retryAfter);
}

function json(text: string, status = 200, retryAfter?: number): Response {
  return new Response(text, {
    status,
    headers: {
      "content-type": "application/json; charset=utf-8",
      ...(retryAfter === undefined ? {} : { "retry-after": String(retryAfter) }),
    },
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Refused("badRequest", `Cannot parse the JSON: ${(error as Error).message}`);
  }
}
