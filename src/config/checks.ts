/** What no option can see alone. */
import { join } from "node:path";
import { type ConfigFault, printPath } from "./faults.ts";
import { type Given, locate } from "./given.ts";
import { collide, type ListenAddress, printListen } from "./listen.ts";
import { bridgeAt } from "./policies.ts";
import type { Config, ProtocolName } from "./schema.ts";
import { placeOf } from "./yaml.ts";

type Path = readonly PropertyKey[];

function faultAt(given: Given, path: Path, message: string): ConfigFault {
  return { ...placeOf(locate(given, path).given.origin), path: printPath(path), message };
}

export function checkTogether(config: Config, given: Given): readonly ConfigFault[] {
  return [
    ...checkPorts(config, given),
    ...checkSizes(config, given),
    ...checkSockets(config, given),
    ...checkBridges(config, given),
    ...checkEvents(config, given),
    ...checkKeyed(config, given),
  ];
}

/** Two listeners on one port: the system would refuse the second, or worse, share the port between them. */
function checkPorts(config: Config, given: Given): readonly ConfigFault[] {
  const all: readonly { readonly path: Path; readonly listen: ListenAddress }[] = [
    { path: ["listen"], listen: config.listen },
    ...config.listeners.map(({ listen }, at) => ({ path: ["listeners", at, "listen"], listen })),
  ];
  return all.flatMap((later, at) => {
    const earlier = all.slice(0, at).find((one) => collide(one.listen, later.listen));
    if (earlier === undefined) return [];
    const { line } = locate(given, earlier.path).given.origin;
    const where = `\`${printPath(earlier.path)}\`${line === undefined ? "" : ` (line ${line})`}`;
    const message = `Cannot listen on ${printListen(later.listen)} for \`${printPath(later.path)}\`: ${where} already has ${printListen(earlier.listen)}`;
    return [faultAt(given, later.path, message)];
  });
}

function checkSizes({ limits }: Config, given: Given): readonly ConfigFault[] {
  const faults: ConfigFault[] = [];
  const least = `the largest publication (\`limits.publication\`, ${limits.publication} bytes)`;
  if (limits.queue.bytes < limits.publication) {
    const why = "whoever is sent one would be closed as too slow";
    faults.push(
      faultAt(
        given,
        ["limits", "queue", "bytes"],
        `Cannot use \`limits.queue.bytes\`: it must hold ${least}, or ${why}`,
      ),
    );
  }
  if (limits.body < limits.publication) {
    faults.push(faultAt(given, ["limits", "body"], `Cannot use \`limits.body\`: it must hold ${least}`));
  }
  return faults;
}

/** The file that the gateway itself takes in its data folder. */
export function controlSocket(config: Pick<Config, "data">): string {
  return join(config.data, "control.sock");
}

function checkSockets(config: Config, given: Given): readonly ConfigFault[] {
  if (config.unix_socket === false || config.unix_socket.path !== controlSocket(config)) return [];
  const message = "Cannot use `unix_socket.path`: the gateway's control socket has that file";
  return [faultAt(given, ["unix_socket", "path"], message)];
}

/** Protocols that serve a home system, and what it is called. */
const served: Partial<Record<ProtocolName, string>> = { deconz: "gateway", jeedom: "Jeedom", jeedomconnect: "plugin" };

/** What serves a home system needs one. */
function checkBridges(config: Config, given: Given): readonly ConfigFault[] {
  return config.listeners.flatMap(({ protocol, bridge }, at) => {
    const system = protocol === undefined ? undefined : served[protocol];
    if (protocol === undefined || system === undefined || bridgeAt(config, protocol, bridge) !== undefined) return [];
    const path = ["listeners", at];
    const place = `\`${printPath(path)}\``;
    const why =
      bridge === undefined
        ? `name a bridge of type ${protocol} by \`bridge\``
        : `there is no bridge ${JSON.stringify(bridge)} of type ${protocol}`;
    return [faultAt(given, path, `Cannot tell which ${system} ${place} serves: ${why}`)];
  });
}

/** A bridge that is told by another what happens needs that one. */
function checkEvents(config: Config, given: Given): readonly ConfigFault[] {
  return [...config.bridges].flatMap(([name, { type, jeedom }]) => {
    if (type !== "jeedomconnect" || jeedom === undefined || bridgeAt(config, "jeedom", jeedom) !== undefined) return [];
    const path = ["bridges", name, "jeedom"];
    const message = `Cannot use \`${printPath(path)}\`: there is no bridge ${JSON.stringify(jeedom)} of type jeedom`;
    return [faultAt(given, path, message)];
  });
}

/** Protocols whose clients all show a key: what is said of those without one would say nothing. */
const keyed: Partial<Record<ProtocolName, string>> = {
  jeedom: "clients of the protocol jeedom all show a key; who may come is said by `allowed_hosts`",
  jeedomconnect: "phones of the protocol jeedomconnect all show a key, which the plugin checks",
};

function checkKeyed(config: Config, given: Given): readonly ConfigFault[] {
  return config.listeners.flatMap((listener, at) => {
    const why = listener.protocol === undefined ? undefined : keyed[listener.protocol];
    if (why === undefined) return [];
    return (["open_to", "anonymous"] as const)
      .filter((name) => listener[name] !== undefined)
      .map((name) => {
        const path = ["listeners", at, name];
        return faultAt(given, path, `Cannot use \`${printPath(path)}\`: ${why}`);
      });
  });
}
