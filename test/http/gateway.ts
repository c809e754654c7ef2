/** A gateway in this process, on a free port and in a folder of its own, and asking it over real HTTP. */
import { expect } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseConfig } from "../../src/config/load.ts";
import { type Gateway, startGateway } from "../../src/gateway.ts";
import { registerConfigured } from "../secrets/configured.ts";
import { overheard } from "../secrets/ledger.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Parsed, where it is JSON. */
  readonly body: unknown;
}

export interface Asking {
  readonly method?: string;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is if a text, as JSON otherwise. */
  readonly body?: unknown;
}

export class TestGateway {
  readonly folder: string;
  readonly gateway: Gateway;
  readonly url: string;
  /** What the log says of errors. */
  readonly errors: string[];
  /** What it says of what somebody should see to. */
  readonly warnings: string[];

  private constructor(folder: string, gateway: Gateway, errors: string[], warnings: string[]) {
    this.folder = folder;
    this.gateway = gateway;
    this.errors = errors;
    this.warnings = warnings;
    this.url = gateway.addresses[0]?.url ?? "";
  }

  /** `folder`: that of one that was stopped but not removed. */
  static async start(yaml = "", folder = mkdtempSync(join(tmpdir(), "hearthwire-http-"))): Promise<TestGateway> {
    const own = `listen: 127.0.0.1:0\ndata: ${folder}\nunix_socket: false\n`;
    const errors: string[] = [];
    const warnings: string[] = [];
    const nothing = (): void => undefined;
    const warn = (_: object, text: string): void => void warnings.push(text);
    const log = overheard({ debug: nothing, info: nothing, warn, error: (_, text) => errors.push(text) });
    const config = parseConfig({ text: own + yaml });
    registerConfigured(config);
    return new TestGateway(folder, await startGateway(config, { log }), errors, warnings);
  }

  get admin(): string {
    return this.gateway.firstKey ?? "";
  }

  async ask(path: string, { method = "GET", key, headers = {}, body }: Asking = {}): Promise<Answer> {
    const response = await fetch(this.url + path, {
      method,
      headers: { ...headers, ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json");
    return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined };
  }

  async newKey(grants: Readonly<Record<string, readonly string[]>>): Promise<{ key: string; id: string }> {
    const { body } = await this.ask("/admin/keys", { method: "POST", key: this.admin, body: { name: "test", grants } });
    return body as { key: string; id: string };
  }

  async stop(): Promise<void> {
    await this.gateway.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The one error object, with its code and message. */
export function refusal(status: number, code: number, message: unknown): unknown {
  return { status, body: { error: { code, name: expect.any(String), message, doc: `/docs/codes#${code}` } } };
}
