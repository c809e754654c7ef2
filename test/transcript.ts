/**
 * Replays `*.transcript` files: conversations as documentation and as tests.
 *
 * A line is one of these; what is blank or begins with `#` is for the reader.
 *
 *     > text          is sent, with a line feed after it
 *     < text          is received, with a line feed after it
 *     bob> text       the same on a connection of that name; without one it is the connection `main`
 *     @ open bob ws /channels/a Cookie: x=1   opens a connection: kind and the words for it, as `connect` of the test knows
 *     @ half-close bob                        sends the end of what is sent, and goes on reading
 *     @ close bob                             closes it from here
 *     @ closed bob 3500 Key missing           waits until the other side has closed it; with code and reason, where it has some
 *     @ advance 25s                           any other word is an action of the test, here one that turns the clock
 *
 * A connection that was not opened is opened at its first line, with the kind `main` and no words.
 *
 * Bytes. On a byte stream (TCP, Unix socket) the text is exact. `\r`, `\n`, `\t`, `\\` and `\x1f` are what they are in JavaScript
 * (`\x81` is one byte, other text is UTF-8), and a line that ends with a single `\` has no line feed after it.
 * Consecutive `<` lines are one expectation: however the bytes were cut on their way, they must begin with these.
 * On a WebSocket each line is one text message.
 *
 * Masks. `‹cursor›` in a `<` line stands for anything within a line, and binds it: the same name again, in any line of the
 * transcript, must be or sends the same text. `‹›` stands for anything and binds nothing.
 *
 * Whatever came and was not expected fails the transcript at its end.
 */
import { connect as connectSocket, type Socket } from "node:net";

/** One end of a conversation. `latin1`: a byte stream's bytes, one for each character; a WebSocket's messages are text. */
export interface Line {
  readonly kind: "bytes" | "messages";
  send(text: string): void;
  halfClose(): void;
  close(): void;
  /** Told once by the harness; calls back at every arrival. */
  listen(ear: { arrived(text: string): void; closed(code?: number, reason?: string): void }): void;
}

export interface Stage {
  /** Opens a connection: `kind` and `words` are what stands after `@ open <name>`. */
  connect(kind: string, words: string): Line | Promise<Line>;
  /** What else `@` can do, by its first word. */
  readonly actions?: Readonly<Record<string, (words: string) => void | Promise<void>>>;
  /** How long anything may take to arrive, in ms. */
  readonly patience?: number;
}

interface Connection {
  readonly line: Line;
  received: string[];
  closed: { readonly code: number | undefined; readonly reason: string } | undefined;
  wake: () => void;
}

type Step =
  | { readonly at: number; readonly does: "send"; readonly name: string; readonly text: string }
  | { readonly at: number; readonly does: "receive"; readonly name: string; readonly texts: readonly string[] }
  | { readonly at: number; readonly does: "act"; readonly words: readonly string[] };

const lineForm = /^([a-z0-9-]*)([<>])(?: (.*))?$/s;

function stepsOf(transcript: string): Step[] {
  const steps: Step[] = [];
  for (const [index, line] of transcript.split("\n").entries()) {
    const at = index + 1;
    if (line.trim() === "" || line.startsWith("#")) continue;
    if (line.startsWith("@ ")) {
      steps.push({ at, does: "act", words: line.slice(2).trim().split(" ") });
      continue;
    }
    const [, name = "", direction, text = ""] = lineForm.exec(line) ?? [];
    if (direction === undefined) throw new Error(`Cannot read line ${at} of the transcript: ${line}`);
    const last = steps.at(-1);
    if (direction === ">") steps.push({ at, does: "send", name: name || "main", text });
    else if (last?.does === "receive" && last.name === (name || "main")) {
      steps[steps.length - 1] = { ...last, texts: [...last.texts, text] };
    } else steps.push({ at, does: "receive", name: name || "main", texts: [text] });
  }
  return steps;
}

const escapes: Readonly<Record<string, string>> = { r: "\r", n: "\n", t: "\t", "\\": "\\" };

function latin1(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** The bytes (one for each character) or the message that a line of the transcript stands for, between its masks. */
function literal(text: string, kind: Line["kind"]): string {
  return text.replaceAll(/\\(?:x([0-9a-f]{2})|([rnt\\]))|[^\\]+/gi, (whole, hex?: string, letter?: string) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    if (letter !== undefined) return escapes[letter] ?? whole;
    return kind === "bytes" ? latin1(whole) : whole;
  });
}

/** Whether the line goes on without a line feed: it ends with a backslash that is not itself escaped. */
function isOpen(text: string): boolean {
  return (/\\*$/.exec(text)?.[0].length ?? 0) % 2 === 1;
}

class Replay {
  readonly #stage: Stage;
  readonly #patience: number;
  readonly #connections = new Map<string, Connection>();
  readonly #bound = new Map<string, string>();

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#patience = stage.patience ?? 10_000;
  }

  async run(transcript: string): Promise<void> {
    try {
      for (const step of stepsOf(transcript)) {
        try {
          await this.#do(step);
        } catch (error) {
          throw new Error(`Line ${step.at} of the transcript: ${(error as Error).message}`, { cause: error });
        }
      }
      for (const [name, { received }] of this.#connections) {
        if (received.join("") !== "") throw new Error(`${name} received more: ${JSON.stringify(received)}`);
      }
    } finally {
      for (const { line } of this.#connections.values()) line.close();
    }
  }

  async #do(step: Step): Promise<void> {
    if (step.does === "act") return await this.#act(step.words);
    const connection = this.#connections.get(step.name) ?? (await this.#open(step.name, "main", ""));
    const { kind } = connection.line;
    if (step.does === "send") connection.line.send(this.#textOf(step.text, kind));
    else if (kind === "messages") for (const text of step.texts) await this.#receive(connection, [text]);
    else await this.#receive(connection, step.texts);
  }

  async #act([verb = "", ...words]: readonly string[]): Promise<void> {
    const [name = "main", ...more] = words;
    if (verb === "open") {
      await this.#open(name, more[0] ?? "main", this.#fill(more.slice(1).join(" ")));
      return;
    }
    const connection = this.#connections.get(name);
    if (verb === "half-close") connection?.line.halfClose();
    else if (verb === "close") connection?.line.close();
    else if (verb === "closed" && connection !== undefined) await this.#closed(connection, more.join(" "));
    else {
      const action = this.#stage.actions?.[verb];
      if (action === undefined) throw new Error(`nobody knows how to ${verb}`);
      await action(this.#fill(words.join(" ")));
    }
  }

  async #open(name: string, kind: string, words: string): Promise<Connection> {
    const line = await this.#stage.connect(kind, words);
    const connection: Connection = { line, received: [], closed: undefined, wake: () => undefined };
    line.listen({
      arrived(text) {
        if (line.kind === "messages") connection.received.push(text);
        else connection.received = [connection.received.join("") + text];
        connection.wake();
      },
      closed(code, reason = "") {
        connection.closed = { code, reason };
        connection.wake();
      },
    });
    this.#connections.set(name, connection);
    return connection;
  }

  async #receive(connection: Connection, texts: readonly string[]): Promise<void> {
    const { kind } = connection.line;
    const names: string[] = [];
    const pattern = texts.map((text) => this.#patternOf(text, kind, names)).join("");
    const expected = new RegExp(`^${pattern}${kind === "messages" ? "$" : ""}`, "s");
    const arrived = (): RegExpExecArray | null => {
      const [first] = connection.received;
      return first === undefined ? null : expected.exec(first);
    };
    const hopeless = (): boolean =>
      connection.closed !== undefined || (kind === "messages" && connection.received.length > 0);
    await this.#until(connection, () => arrived() !== null || hopeless());
    const found = arrived();
    if (found === null) {
      const got = connection.received[0] === undefined ? "nothing" : JSON.stringify(connection.received[0]);
      throw new Error(`expected\n${texts.join("\n")}\nbut received\n${got}`);
    }
    for (const [at, name] of names.entries()) this.#bound.set(name, found[at + 1] ?? "");
    if (kind === "messages") connection.received.shift();
    else connection.received = [(connection.received[0] ?? "").slice(found[0].length)];
  }

  async #closed(connection: Connection, expected: string): Promise<void> {
    await this.#until(connection, () => connection.closed !== undefined);
    if (connection.closed === undefined) throw new Error("the connection is still open");
    const { code, reason } = connection.closed;
    const got = `${code ?? ""} ${reason}`.trim();
    if (expected !== "" && got !== expected) throw new Error(`expected the close ${expected}, got ${got}`);
  }

  async #until(connection: Connection, condition: () => boolean): Promise<void> {
    const end = Date.now() + this.#patience;
    while (!condition() && Date.now() < end) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, end - Date.now());
        connection.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  #fill(text: string): string {
    return text.replaceAll(/‹([a-z0-9-]+)›/g, (_, name: string) => {
      const value = this.#bound.get(name);
      if (value === undefined) throw new Error(`nothing was bound to ‹${name}›`);
      return value;
    });
  }

  #textOf(text: string, kind: Line["kind"]): string {
    const open = isOpen(text);
    const sent = literal(this.#fill(open ? text.slice(0, -1) : text), kind);
    return kind === "messages" || open ? sent : `${sent}\n`;
  }

  #patternOf(text: string, kind: Line["kind"], names: string[]): string {
    const open = isOpen(text);
    const parts = (open ? text.slice(0, -1) : text).split(/‹([a-z0-9-]*)›/);
    const pattern = parts.map((part, at) => {
      if (at % 2 === 0) return RegExp.escape(literal(part, kind));
      const known = this.#bound.get(part);
      if (known !== undefined) return RegExp.escape(known);
      const again = names.indexOf(part);
      if (again >= 0) return `\\${again + 1}(?:)`;
      if (part === "") return "[^\\r\\n]*?";
      names.push(part);
      return "([^\\r\\n]*?)";
    });
    return pattern.join("") + (kind === "messages" || open ? "" : "\\n");
  }
}

/** Replays a transcript; throws with its line, what was expected and what came. */
export function replay(transcript: string, stage: Stage): Promise<void> {
  return new Replay(stage).run(transcript);
}

/** A TCP connection, or one to a Unix socket. */
export function byteLine(
  to: { readonly host: string; readonly port: number } | { readonly path: string },
): Promise<Line> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connectSocket({ ...to, allowHalfOpen: true });
    let early: Buffer[] = [];
    const keep = (chunk: Buffer): number => early.push(chunk);
    socket.on("data", keep);
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve({
        kind: "bytes",
        send: (text) => void socket.write(text, "latin1"),
        halfClose: () => void socket.end(),
        close: () => void socket.destroy(),
        listen(ear) {
          socket.off("data", keep);
          for (const chunk of early) ear.arrived(chunk.toString("latin1"));
          early = [];
          socket.on("data", (chunk: Buffer) => ear.arrived(chunk.toString("latin1")));
          socket.on("error", () => ear.closed());
          socket.on("end", () => ear.closed());
          socket.on("close", () => ear.closed());
        },
      });
    });
  });
}

/** A WebSocket. `words`: the path, then headers as `Name: value`, separated by two spaces. */
export function webSocketLine(base: string, words: string): Promise<Line> {
  const [path = "/", ...headerTexts] = words.split("  ");
  const headers = Object.fromEntries(headerTexts.map((text) => text.split(/: (.*)/s).slice(0, 2) as [string, string]));
  const { "Sec-WebSocket-Protocol": protocols, ...rest } = headers;
  const socket = new WebSocket(`${base}${path.trim()}`, {
    headers: rest,
    ...(protocols === undefined ? {} : { protocols: protocols.split(", ") }),
  });
  const early: string[] = [];
  const keep = ({ data }: MessageEvent): number => early.push(String(data));
  let closed: { code: number; reason: string } | undefined;
  const end = ({ code, reason }: CloseEvent): void => {
    closed = { code, reason };
  };
  socket.addEventListener("message", keep);
  socket.addEventListener("close", end);
  return new Promise((resolve, reject) => {
    socket.addEventListener("error", () => reject(new Error("the WebSocket was not accepted")));
    socket.addEventListener("open", () =>
      resolve({
        kind: "messages",
        send: (text) => socket.send(text),
        halfClose: () => socket.close(),
        close: () => socket.close(),
        listen(ear) {
          socket.removeEventListener("message", keep);
          for (const text of early) ear.arrived(text);
          if (closed !== undefined) ear.closed(closed.code, closed.reason);
          socket.addEventListener("message", ({ data }) => ear.arrived(String(data)));
          socket.addEventListener("close", ({ code, reason }) => ear.closed(code, reason));
        },
      }),
    );
  });
}
