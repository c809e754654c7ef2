/** What the tests of the configuration have in common. */
import { ConfigError, type ConfigFault } from "../../src/config/faults.ts";
import { type ConfigSources, parseConfig } from "../../src/config/load.ts";
import type { Config } from "../../src/config/schema.ts";

const somewhere: ConfigSources = { file: "/etc/hearthwire/house.yaml", folder: "/work", env: { HOME: "/home/anna" } };

export function parse(text: string | undefined, more: ConfigSources = {}): Config {
  return parseConfig({ ...somewhere, text, ...more, env: { ...somewhere.env, ...more.env } });
}

/** What is wrong with a configuration that must not be accepted. */
export function faultsOf(text: string, more: ConfigSources = {}): readonly ConfigFault[] {
  try {
    parse(text, more);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  throw new Error(`This was accepted: ${text}`);
}

/** The message of a configuration with one fault, with its place. */
export function faultOf(text: string, more: ConfigSources = {}): string {
  const [fault, ...others] = faultsOf(text, more);
  if (fault === undefined || others.length > 0)
    throw new Error(`One fault was expected: ${JSON.stringify([fault, ...others])}`);
  return [fault.file, fault.line, fault.column, fault.message].filter((part) => part !== undefined).join(":");
}
