/** Polls: one request, one answer, as soon as there is something or when the wait is over. */
import { cursorText, parseCursor } from "../../core/cursor.ts";
import type { Hub } from "../../core/hub.ts";
import { Refused } from "../../core/refusals.ts";
import type { Conversation, Principal } from "../../core/session.ts";
import type { Answer, MaybePromise, PollMessage, Reading, Visit } from "../../ports.ts";
import type { Forms } from "./form.ts";
import { inOrder, lostChannels } from "./listening.ts";
import { gapText, publicationText } from "./messages.ts";
import type { Wish } from "./query.ts";

const headers = { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" };

/** A waiting poll only listens. */
const waiting: Conversation = {
  protocol: "channel-url",
  message: () => undefined,
  refused: () => undefined,
  goodbye(_session, refused) {
    return { code: refused.refusal.close, reason: refused.message };
  },
};

export class Polling {
  readonly #hub: Hub;
  readonly #forms: Forms;

  constructor(hub: Hub, forms: Forms) {
    this.#hub = hub;
    this.#forms = forms;
  }

  answer(visit: Visit, wish: Wish, principal: Principal): MaybePromise<Answer> {
    const reading = this.#hub.read(wish.selector, wish.past, principal.rights);
    const decide = (read: Reading): MaybePromise<Answer> => {
      if (this.#isAnswer(read, wish)) return new Response(bodyOf(read, wish), { headers });
      return this.#wait(visit, wish, principal, read);
    };
    return reading instanceof Promise ? reading.then(decide) : decide(reading);
  }

  #isAnswer(reading: Reading, wish: Wish): boolean {
    if (wish.past.from === "now" || wish.wait === 0 || reading.gap) return true;
    return reading.channels.some((channel) => channel.publications.length > 0);
  }

  #wait(visit: Visit, wish: Wish, principal: Principal, read: Reading): Promise<Answer> {
    let { run, seq } = read.position;
    let gap = "";
    const compose = (messages: readonly PollMessage[]): string => {
      const publications: string[] = [];
      for (const { id, event, text } of messages) {
        if (event === "gap") gap = text;
        else if (event === "") publications.push(text);
        ({ run, seq } = parseCursor(id) ?? { run, seq });
      }
      return pollText(publications, cursorText(run, seq), gap);
    };
    return visit.longPoll((outlet) => {
      const session = this.#hub.open(outlet, waiting, this.#forms.of(outlet.framing, false), principal, undefined);
      session.retires = this.#hub.now + wish.wait;
      const past = { from: "position", position: read.position } as const;
      const done = this.#hub.subscribe(session, wish.selector, past, (begun) => {
        ({ run, seq } = begun.position);
        const missed = inOrder(begun).map((publication) => session.form.frameOf(publication));
        if (begun.gap) missed.unshift(session.form.gap(lostChannels(begun, wish.selector)) ?? "");
        if (missed.length > 0) session.sendAll(missed);
      });
      if (done instanceof Promise) done.catch(() => session.end(new Refused("serverError")));
      return session;
    }, compose);
  }
}

/** `{"publications":[…],"cursor":"…"}`, with `"gap":true,"channels":[…]` before it where something is lost. */
function pollText(publications: readonly string[], cursor: string, gap: string): string {
  const start = gap === "" ? "{" : `${gap.slice(0, -1)},`;
  return `${start}"publications":[${publications.join(",")}],"cursor":"${cursor}"}`;
}

function bodyOf(reading: Reading, wish: Wish): string {
  const { run, seq } = reading.position;
  const publications = inOrder(reading).map((publication) => publicationText(run, publication));
  const gap = reading.gap ? gapText(lostChannels(reading, wish.selector)) : "";
  return pollText(publications, cursorText(run, seq), gap);
}
