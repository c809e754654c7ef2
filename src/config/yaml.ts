/** YAML text as a tree that remembers its lines. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type ScalarTag } from "yaml";
import type { ConfigFault } from "./faults.ts";
import type { Content, Given, Origin } from "./given.ts";

/** File modes and telephone numbers stay text: a leading zero is not lost. */
const leadingZero: ScalarTag = {
  tag: "tag:yaml.org,2002:str",
  default: true,
  test: /^0o?[0-7]+$/,
  resolve: (text) => text,
};

/** How deep a configuration nests at most; ours has six levels. */
const deepest = 40;
/** How many nodes come in by aliases at most, so that a few lines do not become millions. */
const mostByAlias = 10_000;
/** One error in YAML brings others; only the first tell something. */
const mostErrors = 5;

export interface YamlReading {
  readonly given: Given;
  readonly faults: readonly ConfigFault[];
}

/** Reads one document. `origin` says where the text is from; without `lines` all of it stands at one place. */
export function readYaml(text: string, origin: Origin, lines = true): YamlReading {
  const nothing: Given = { origin, content: new Map() };
  const counter = new LineCounter();
  try {
    // Doubles are found here, with their names: the parser compares each key with every other.
    const document = parseDocument(text, {
      lineCounter: counter,
      uniqueKeys: false,
      customTags: (tags) => [leadingZero, ...tags],
    });
    const reader = new Reader(document, origin, lines ? counter : undefined);
    const faults = document.errors
      .slice(0, mostErrors)
      .map(({ message, pos: [at] }) => reader.fault(at, `Cannot read YAML: ${firstLine(message)}`));
    if (faults.length > 0) return { given: nothing, faults };
    return { given: reader.read(document.contents, 0), faults: reader.faults };
  } catch (error) {
    // Nesting of many thousand levels ends the parser's stack.
    const reason = error instanceof RangeError ? "it is nested too deeply" : firstLine(String(error));
    return { given: nothing, faults: [{ ...placeOf(origin), path: "", message: `Cannot read YAML: ${reason}` }] };
  }
}

function firstLine(message: string): string {
  if (message.includes("Maximum call stack")) return "it is nested too deeply";
  return (message.split("\n")[0] ?? "").replace(/ at line \d+, column \d+:?$/, "");
}

export function placeOf({ file, line, column }: Origin): Pick<ConfigFault, "file" | "line" | "column"> {
  return {
    ...(file === undefined ? {} : { file }),
    ...(line === undefined ? {} : { line }),
    ...(column === undefined ? {} : { column }),
  };
}

class Reader {
  readonly faults: ConfigFault[] = [];
  readonly #document: ReturnType<typeof parseDocument>;
  readonly #origin: Origin;
  readonly #lines: LineCounter | undefined;
  #byAlias = 0;
  #aliases = 0;

  constructor(document: ReturnType<typeof parseDocument>, origin: Origin, lines: LineCounter | undefined) {
    this.#document = document;
    this.#origin = origin;
    this.#lines = lines;
  }

  read(node: unknown, depth: number, nameOrigin?: Origin): Given {
    const at = (node as Node | null)?.range?.[0];
    const origin = at === undefined ? (nameOrigin ?? this.#origin) : this.#place(at);
    return { origin, ...(nameOrigin === undefined ? {} : { nameOrigin }), content: this.#content(node, depth, at) };
  }

  fault(at: number | undefined, message: string): ConfigFault {
    return { ...placeOf(this.#place(at)), path: "", message };
  }

  #content(node: unknown, depth: number, at: number | undefined): Content {
    if (depth > deepest) return this.#refuse(at, "Cannot read YAML: it is nested too deeply");
    if (this.#aliases > 0 && ++this.#byAlias > mostByAlias) {
      return this.#byAlias === mostByAlias + 1
        ? this.#refuse(at, "Cannot read YAML: its aliases bring in too much")
        : null;
    }
    if (isAlias(node)) {
      this.#aliases++;
      const { content } = this.read(node.resolve(this.#document), depth + 1);
      this.#aliases--;
      return content;
    }
    if (isSeq(node)) return node.items.map((item) => this.read(item, depth + 1));
    if (isMap(node)) return this.#mapping(node.items, depth);
    const value = isScalar(node) ? node.value : null;
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
    return value === null || value === undefined
      ? null
      : this.#refuse(at, "Cannot read YAML: it has a value of a strange type");
  }

  #mapping(pairs: readonly { readonly key: unknown; readonly value: unknown }[], depth: number): Content {
    const mapping = new Map<string, Given>();
    for (const { key, value } of pairs) {
      const at = (key as Node | null)?.range?.[0];
      const name = isScalar(key)
        ? typeof key.value === "string"
          ? key.value
          : (key.source ?? String(key.value))
        : undefined;
      if (name === undefined) this.#refuse(at, "Cannot read YAML: names of options are plain texts");
      else if (mapping.has(name)) this.#refuse(at, `Cannot read YAML: \`${name}\` stands here twice`);
      else mapping.set(name, this.read(value, depth + 1, this.#place(at)));
    }
    return mapping;
  }

  #refuse(at: number | undefined, message: string): null {
    this.faults.push(this.fault(at, message));
    return null;
  }

  #place(at: number | undefined): Origin {
    if (at === undefined || this.#lines === undefined) return this.#origin;
    const { line, col } = this.#lines.linePos(at);
    return { ...this.#origin, line, column: col };
  }
}
