/** A phone's event stream, as the plugin's eventServer.php has it: JSON in a text that is JSON, and CRLF. */
import type { Hub } from "../../core/hub.ts";
import { Refused } from "../../core/refusals.ts";
import type { Conversation, Goodbye, Session } from "../../core/session.ts";
import type { Clock, Frame, Framing, JsonText, Answer as Response, Visit } from "../../ports.ts";
import type { Answer } from "./answer.ts";
import type { Line, Phone } from "./phone.ts";
import { lost, type Phones } from "./phones.ts";
import type { Plugin } from "./plugin.ts";
import { NoForm, principalOf } from "./visitor.ts";

export interface EventStreamParts {
  /** The bridge's name. */
  readonly name: string;
  readonly hub: Hub;
  readonly clock: Clock;
  readonly plugin: Plugin;
  readonly phones: Phones;
}

/** A phone, and which of its arrivals this stream is; nothing for one that is told why it cannot be. */
interface Streaming {
  readonly phone: Phone;
  readonly arrival: number;
}
interface StreamState {
  streaming: Streaming | undefined;
  /** It is sent to another gateway: the plugin is not told of its end. */
  sentAway: boolean;
}

/** After so much silence a heartbeat is due, in ms. */
const heartbeat = 5000;
const heartbeatText = '{"event":"heartbeat"}';
const headers = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache",
  "x-accel-buffering": "no",
};

const encoder = new TextEncoder();
const framing: Framing = {
  name: "sse",
  frame: (text) => `data:${JSON.stringify(text)}\r\n\r\n`,
  join(frames) {
    const bytes = encoder.encode(frames.join(""));
    return { parts: [bytes], bytes: bytes.length };
  },
};
const form = new NoForm(framing);

export class EventStreamFace implements Conversation<StreamState> {
  readonly protocol = "jeedomconnect";
  readonly #parts: EventStreamParts;

  constructor(parts: EventStreamParts) {
    this.#parts = parts;
  }

  async visit(visit: Visit): Promise<Response> {
    const key = visit.query.get("apiKey") ?? "";
    const since = this.#parts.clock.now();
    const first = await this.#picture(key);
    if (visit.request.signal.aborted) return undefined;
    // A disabled equipment may be enabled again.
    const isPhone = first.type === "SET_INFO" || first.type === "EQUIPMENT_DISABLE";
    return visit.sse(
      (outlet) => {
        const phone = isPhone ? this.#parts.phones.of(key) : undefined;
        const who = principalOf(this.#parts.name, key, phone?.user?.title);
        const session = this.#parts.hub.open<StreamState>(outlet, this, form, who, {
          streaming: undefined,
          sentAway: false,
        });
        session.send(framing.frame(first.text));
        if (phone === undefined) session.end(new Refused("closed", first.type));
        else this.#begin(session, phone, first, since);
        return session;
      },
      { headers, framing },
    );
  }

  message(): void {
    // Nothing comes on a stream.
  }

  refused(): void {
    // Nothing is asked on a stream.
  }

  heartbeat(): Frame {
    return framing.frame(heartbeatText);
  }

  goodbye({ state }: Session<StreamState>, { refusal, message }: Refused): Goodbye {
    state.sentAway = refusal.name === "shutdown";
    return { code: refusal.close, reason: message };
  }

  ended({ state }: Session<StreamState>): void {
    const { streaming } = state;
    if (streaming === undefined || streaming.phone.arrivals !== streaming.arrival) return;
    streaming.phone.lose();
    if (!state.sentAway) this.#parts.phones.left(streaming.phone, streaming.arrival, false);
  }

  #begin(session: Session<StreamState>, phone: Phone, first: Answer, since: number): void {
    phone.beginAt(since);
    this.#parts.phones.values.came(phone, first);
    const line = lineOf(session, this.#parts.clock, () => phone.lives());
    session.state.streaming = { phone, arrival: phone.arrive(line) };
    session.beatEvery(heartbeat);
    this.#parts.phones.rounds.wake(phone);
  }

  /** What the house is like, or why it is not told. The phone counts as looked at from here on. */
  async #picture(key: string): Promise<Answer> {
    const { plugin, phones } = this.#parts;
    const params = { apiKey: key };
    const ask = async (method: string, more: object = {}): Promise<Answer | undefined> =>
      (await plugin.askByReply({ method, params: { ...params, ...more }, id: "1" })).answer;
    try {
      return await phones.lanes.run(key, async () => {
        const first = await ask("GET_INFO");
        if (first === undefined) return lost(undefined);
        if (first.type !== "SET_INFO") return asStream(first);
        await ask("SET_APPSTATE", { state: "active" });
        // It came without a CONNECT, as after a restart of the gateway.
        const phone = phones.of(key);
        const config = phone.knowsConfig ? undefined : await ask("GET_CONFIG");
        if (config !== undefined) phone.configured(config);
        return first;
      });
    } catch (thrown) {
      return lost(thrown);
    }
  }
}

/** `through`: all was written out. */
function lineOf(session: Session<StreamState>, clock: Clock, through: () => void): Line {
  let leaving = 0;
  const tell = (texts: readonly JsonText[]): void => session.sendAll(texts.map((text) => framing.frame(text)));
  return {
    isWebSocket: false,
    tell,
    tellEvents: ({ text }) => tell([text]),
    probe() {
      // What a turn brought is written at its end.
      leaving++;
      clock.atEndOfTurn(() => {
        leaving--;
        if (this.isThrough) through();
      });
    },
    get isThrough() {
      return leaving === 0 && session.open && session.queue === undefined && session.outlet.queued() === 0;
    },
    end: (why) => session.end(new Refused("forceDisconnect", why)),
  };
}

/** Named as the stream names what went wrong. */
function asStream(answer: Answer): Answer {
  return { ...answer, text: answer.text.replace("'GET_INFO' method", "'SSE' method") };
}
