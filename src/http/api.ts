/** Everything that no protocol answers: the page, health, tickets, presence, and the administration of keys and devices. */

import type { Calls } from "../core/calls.ts";
import type { DescribedPaths } from "../core/described-paths.ts";
import type { DeviceRegistry } from "../core/device-registry.ts";
import type { DeviceStates } from "../core/device-states.ts";
import type { Gate } from "../core/gate.ts";
import type { Hub } from "../core/hub.ts";
import type { Keyring } from "../core/keyring.ts";
import type { PairingWindow } from "../core/pairing-window.ts";
import { Refused } from "../core/refusals.ts";
import type { Principal } from "../core/session.ts";
import { type Tickets, ticketLifetime } from "../core/tickets.ts";
import type { Answer, Clock, DeviceStore, HttpProtocol, KeyStore, Policy, PutAll, Visit } from "../ports.ts";
import { type ApiApp, newApp } from "./api-app.ts";
import { addCallRoutes, callsPrefix } from "./api-calls.ts";
import { addDeviceRoutes } from "./api-devices.ts";
import { addIdentityRoutes } from "./api-identities.ts";
import { addLifecycleRoutes, type Lifecycle } from "./api-lifecycle.ts";
import { addPairingRoutes } from "./api-pairing.ts";
import { openApiDocument, routes } from "./api-routes.ts";
import { addSessionRoutes } from "./api-sessions.ts";
import type { DeviceLife, StatusView } from "./api-shapes.ts";
import { addBackupRoute, addTransferRoutes, largestImport, transferRoutes } from "./api-transfer.ts";
import { codesPage } from "./codes.ts";
import type { Metrics } from "./metrics.ts";
import type { Status } from "./status.ts";

export interface ApiParts {
  readonly hub: Hub;
  readonly gate: Gate;
  readonly tickets: Tickets;
  readonly keys: KeyStore;
  readonly keyring: Keyring;
  readonly devices: DeviceStore;
  readonly registry: DeviceRegistry;
  readonly deviceStates: DeviceStates;
  /** A key is no more, or says something else. */
  readonly keyChanged: (id: string) => void;
  readonly clock: Clock;
  readonly putAll: PutAll;
  /** All that is kept, as the bytes of a tar file. */
  readonly backUp: () => Promise<ReadableStream<Uint8Array>>;
  /** Where clients can pair. */
  readonly pairing?: PairingWindow;
  readonly status: () => Status;
  readonly lifecycle?: Lifecycle;
  /** What can be called; absent where nothing can. */
  readonly calls?: Calls;
  /** The paths of protocols, to be told of together with those of the API. */
  readonly described?: readonly DescribedPaths[];
  readonly metrics?: Metrics;
  /** Why the gateway cannot do its work now, one sentence each; none when it can. */
  readonly obstacles?: () => readonly string[];
}

/** Largest body of a request; none of the routes needs near as much. In bytes. */
const largestBody = 64 * 1024;
/** Largest parameters of a call; what answers it may take less. In bytes. */
const largestCall = 1024 * 1024;
const withBody = new Set(["POST", "PUT", "PATCH"]);

export class Api implements HttpProtocol {
  readonly name = "api";
  readonly prefixes = [];
  readonly #parts: ApiParts;
  readonly #app: ApiApp = newApp();

  constructor(parts: ApiParts) {
    this.#parts = parts;
    const { keys, devices, keyring, registry, deviceStates: states, putAll, hub } = parts;
    const lifeOf = (device: string): DeviceLife => ({ sessions: states.sessionsOf(device), state: states.of(device) });
    addIdentityRoutes(this.#app, { keyring, devices: registry, lifeOf });
    addDeviceRoutes(this.#app, { devices: registry, states });
    addTransferRoutes(this.#app, { keys, devices, putAll, changed: parts.keyChanged });
    if (parts.calls !== undefined) addCallRoutes(this.#app, parts.calls);
    addBackupRoute(this.#app, parts.backUp);
    if (parts.pairing !== undefined) addPairingRoutes(this.#app, parts.pairing);
    addSessionRoutes(this.#app, hub);
    if (parts.lifecycle !== undefined) addLifecycleRoutes(this.#app, parts.lifecycle);
    this.#addPages();
    this.#addHealth();
    this.#addRest();
  }

  /** Refusals are thrown; the caller answers them. */
  async visit(visit: Visit, policy: Policy): Promise<Answer> {
    const { request, path, query } = visit;
    if (!path.startsWith("/")) throw new Refused("badRequest", "Cannot answer a request without a path");
    const { method } = request;
    let known: Principal | undefined;
    // Asked once: a ticket is good once.
    const principal = (): Principal => {
      known ??= this.#parts.gate.principalOf(visit, policy);
      return known;
    };
    const { metrics } = this.#parts;
    if (path === routes.metrics.path && method === "GET" && metrics !== undefined) {
      return metrics.answer(visit, principal);
    }
    // Nobody else makes us read that much.
    const imports = path === transferRoutes.import.path && principal().rights.mayAny("admin");
    // The body is read here, where it has a limit; it is JSON whatever it is called, since nothing else is taken.
    const given = withBody.has(method)
      ? {
          body: await visit.text(imports ? largestImport : path.startsWith(callsPrefix) ? largestCall : largestBody),
          headers: { "content-type": "application/json" },
        }
      : {};
    const search = query.size > 0 ? `?${query}` : "";
    const asked = new Request(`http://hearthwire${path}${search}`, { method, ...given });
    return this.#app.fetch(asked, { principal });
  }

  #addPages(): void {
    const { status } = this.#parts;
    this.#app.get(routes.codes.path, (context) => context.html(codesPage()));
    let document: string | undefined;
    this.#app.get(routes.document.path, (context) => {
      document ??= JSON.stringify(openApiDocument(status().version, this.#parts.described));
      return context.body(document, 200, { "content-type": "application/json; charset=utf-8" });
    });
  }

  #addHealth(): void {
    const { status, clock, obstacles = () => [] } = this.#parts;
    this.#app.openapi(routes.live, (context) => context.json({ live: true as const }, 200));
    this.#app.openapi(routes.ready, (context) => {
      const reasons = [...obstacles()];
      const ready = reasons.length === 0;
      return context.json({ ready, reasons }, ready ? 200 : 503);
    });
    this.#app.get(routes.health.path, (context) => {
      const reasons = obstacles();
      const { version, started, journal, bridges } = status();
      // All other channels go on: it is no reason to send clients elsewhere.
      const besides = journal.failing === undefined ? [] : [`Durable channels cannot be kept: ${journal.failing}.`];
      for (const [name, { state, since }] of bridges) {
        if (state !== "connected") besides.push(`Bridge ${name} is ${state} since ${new Date(since).toISOString()}.`);
      }
      const minutes = Math.floor((clock.now() - started) / 60_000);
      const first = `Hearthwire ${version} has been up for ${minutes} min and is ${reasons.length === 0 ? "" : "not "}ready.`;
      return context.text(`${[first, ...reasons, ...besides].join("\n")}\n`, reasons.length === 0 ? 200 : 503);
    });
  }

  #addRest(): void {
    const { hub, tickets } = this.#parts;
    this.#app.openapi(routes.ticket, (context) => {
      const principal = context.env.principal();
      if (principal.id === "anonymous")
        throw new Refused("unauthorized", "Cannot issue a ticket without a key: send one");
      return context.json({ ticket: tickets.issue(principal), expires_in: ticketLifetime / 1000 }, 200);
    });
    // A channel has levels, which the form of paths in OpenAPI cannot say.
    this.#app.get("/presence/:channel{.+}", (context) => {
      const channel = decodePath(context.req.path.slice("/presence/".length));
      const { rights, id } = context.env.principal();
      if (id === "anonymous" && !rights.may("presence", channel)) {
        throw new Refused("unauthorized", `Cannot tell presence of ${channel} without a key: send one`);
      }
      return context.json({ channel, members: hub.presence(channel, rights) });
    });
    this.#app.openapi(routes.status, (context) => context.json(this.#status(), 200));
  }

  #status(): StatusView {
    const { status, keys, devices, deviceStates: states, obstacles = () => [] } = this.#parts;
    const { version, run, started, addresses, unixSocket, data, journal, sessions, bridges } = status();
    const reasons = [...obstacles()];
    return {
      version,
      run,
      started,
      ready: reasons.length === 0,
      reasons,
      addresses: [...addresses],
      ...(unixSocket === undefined ? {} : { unix_socket: unixSocket }),
      data,
      journal: { ...journal },
      sessions,
      bridges: Array.from(bridges, ([name, { state, since, lastEventAt, lastError }]) => ({
        name,
        state,
        since,
        ...(lastEventAt === undefined ? {} : { last_event_at: lastEventAt }),
        ...(lastError === undefined ? {} : { last_error: lastError }),
      })),
      keys: keys.list().length,
      devices: devices.list().length,
      devices_connected: devices.list().filter(({ id }) => states.of(id)?.connected === true).length,
    };
  }
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new Refused("badRequest", `Cannot decode ${JSON.stringify(path.slice(0, 80))} in the path`);
  }
}
