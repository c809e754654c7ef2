/** The forms that values have in the configuration, each with its way in (`decode`) and its way out (`encode`). */
import { z } from "zod";
import { patternFault } from "../core/channels.ts";
import { rangeFault } from "../core/gate.ts";
import { type ListenAddress, parseListen, printListen } from "./listen.ts";

type Issues = z.core.ParsePayload["issues"];

/** Reads texts (or numbers) of one form; what is wrong with one is said in words. */
function codec<Out>(
  parse: (text: string) => Out | { readonly fault: string },
  print: (value: Out) => string | number,
): z.ZodCodec<z.ZodUnion<readonly [z.ZodString, z.ZodNumber]>, z.ZodCustom<Out, Out>> {
  return z.codec(z.union([z.string(), z.number()]), z.custom<Out>(), {
    decode: (given, context: { readonly issues: Issues }) => {
      const parsed = parse(String(given).trim());
      if (typeof parsed !== "object" || parsed === null || !("fault" in parsed)) return parsed;
      context.issues.push({ code: "custom", input: given, message: parsed.fault });
      return z.NEVER;
    },
    encode: print,
  });
}

interface Unit {
  readonly name: string;
  readonly size: number;
}

const times: readonly Unit[] = [
  { name: "d", size: 86_400_000 },
  { name: "h", size: 3_600_000 },
  { name: "m", size: 60_000 },
  { name: "s", size: 1000 },
  { name: "ms", size: 1 },
];

const sizes: readonly Unit[] = [
  { name: "GiB", size: 2 ** 30 },
  { name: "MiB", size: 2 ** 20 },
  { name: "KiB", size: 2 ** 10 },
  { name: "GB", size: 1e9 },
  { name: "MB", size: 1e6 },
  { name: "KB", size: 1e3 },
  { name: "B", size: 1 },
];

function measure(text: string, units: readonly Unit[], withoutUnit: number): number | undefined {
  const [, digits, name] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text) ?? [];
  if (digits === undefined || name === undefined) return undefined;
  const unit = name === "" ? withoutUnit : units.find((one) => one.name.toLowerCase() === name.toLowerCase())?.size;
  return unit === undefined ? undefined : Math.round(Number(digits) * unit);
}

function printMeasure(value: number, units: readonly Unit[]): string {
  const unit = units.find(({ size }) => value > 0 && value % size === 0);
  return unit === undefined ? `${value}${units.at(-1)?.name}` : `${value / unit.size}${unit.name}`;
}

interface Bounds {
  readonly least?: number;
  readonly most?: number;
}

function measured(kind: string, units: readonly Unit[], withoutUnit: number, { least = 0, most }: Bounds) {
  const top = most ?? Number.MAX_SAFE_INTEGER;
  return codec<number>(
    (text) => {
      const value = measure(text, units, withoutUnit);
      if (value === undefined) return { fault: `must be ${kind}` };
      if (value < least) return { fault: `must be at least ${printMeasure(least, units)}` };
      if (value > top) return { fault: `must be at most ${printMeasure(top, units)}` };
      return value;
    },
    (value) => printMeasure(value, units),
  );
}

/** `250ms`, `3s`, `10m`, `1h`, `7d`, or a number of seconds; in milliseconds. */
export function duration(bounds: Bounds = {}) {
  return measured("a duration like 250ms, 3s, 10m, 1h or 7d, or a number of seconds", times, 1000, bounds);
}

/** `64KB`, `1MiB`, or a number of bytes; in bytes. */
export function size(bounds: Bounds = {}) {
  return measured("a size like 64KB or 1MiB, or a number of bytes", sizes, 1, bounds);
}

export function whole({ least = 0, most = Number.MAX_SAFE_INTEGER }: Bounds = {}) {
  return z.number().int().min(least).max(most);
}

/** `host:port`, `[::1]:port`, `:port` for every interface, or a port of loopback. */
export const listenAddress = codec<ListenAddress>(parseListen, printListen);

/** Digits of a file mode, always octal: `0660`, `660` and `0o660` are the same. */
export const fileMode = codec<number>(
  (text) =>
    /^(0|0o)?[0-7]{3}$/.test(text) ? Number.parseInt(text.slice(-3), 8) : { fault: "must be a file mode like 0660" },
  (mode) => mode.toString(8).padStart(4, "0"),
);

/** A text with a rule of its own. */
function text(fault: (text: string) => string | undefined) {
  return z.string().superRefine((value, context) => {
    const message = fault(value);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });
}

export const pattern = text((value) => {
  const fault = patternFault(value);
  return fault === undefined ? undefined : `is no channel pattern: ${fault}`;
});

export const range = text((value) => {
  const fault = rangeFault(value);
  return fault === undefined ? undefined : "must be an address or a range like 192.168.0.0/16 or fd00::/8";
});

export const origin = text((value) =>
  value === "*" || /^[a-z][a-z0-9+.-]*:\/\/(\*\.)?(\[[0-9a-f:.]+\]|[^\s/*:?#@[\]]+)(:\d{1,5})?$/i.test(value)
    ? undefined
    : "must be an origin: https://host, https://host:8443, https://*.host, or * for every page",
);

export const webUrl = text((value) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return "must be a URL like https://push.example.org";
  return url.search || url.hash || url.username ? "must be a URL without query, fragment and user name" : undefined;
});

export const webSocketUrl = text((value) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^wss?:$/.test(url.protocol)) return "must be a URL like wss://push.example.org";
  return url.search || url.hash || url.username ? "must be a URL without query, fragment and user name" : undefined;
});

export const filePath = text((value) => {
  if (value === "") return "must not be empty";
  return value.includes("\0") ? "must not have a NUL" : undefined;
});
