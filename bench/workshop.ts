/** What every scenario is given: tools, servers, how long and how often, and the basic measurements. */
import { closeSync, ftruncateSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Tools } from "./build.ts";
import { Child, type Report } from "./processes.ts";
import { type Ground, nextPort, type Server, type ServerName, startServer } from "./servers.ts";
import { type Bracketed, isUnsteady, type Rate } from "./statistics.ts";

/** How much of everything: whole runs and `--quick` ones differ in nothing else. */
export interface Effort {
  readonly reps: number;
  /** Seconds that a measurement lasts. */
  readonly window: number;
  /** Seconds before it, in which the server gets warm. */
  readonly settle: number;
  /** Connections of the large scenarios. */
  readonly crowd: number;
  /** Seconds after which idle memory is read. */
  readonly rest: number;
}

/** One row of the table. */
export interface Row {
  readonly scenario: string;
  readonly what: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly unit: "ratio" | "per second" | "bytes" | "µs" | "% CPU" | "count";
  readonly target?: { readonly least: number } | { readonly most: number };
}

export interface Outcome {
  readonly rows: readonly Row[];
  /** Everything that was measured, for the JSON file. */
  readonly raw: unknown;
}

/** What a run of publications with subscribers gave. */
export interface Delivery extends Rate {
  /** Publications that entered, and deliveries that came out, over the whole run. */
  readonly sent: number;
  readonly received: number;
  readonly expected: number;
  readonly frameBytes: number;
  /** TCP's acknowledgements without data, of all connections of this machine, for each publication. */
  readonly acknowledgements: number;
  readonly clientCpu: number;
  readonly p50: number;
  readonly p99: number;
}

export interface Crowd {
  readonly subscribers: number;
  /** `%d` stands for the subscriber's number; then each has a channel of its own. */
  readonly channel: string;
}

const dataLength = 48;

/** How the floor speaks. */
export interface FloorFrames {
  /** Of a frame with one publication, in bytes. */
  readonly length: number;
  /** The publications of a turn stand in one frame. */
  readonly joined: boolean;
}

export class Workshop {
  readonly tools: Tools;
  readonly effort: Effort;
  readonly ground: Ground;
  readonly say: (text: string) => void;
  /** Pairs that said nothing because the machine was not steady. */
  thrownAway = 0;
  /** How many of them may be measured again, so that a run on a busy machine ends. */
  #patience: number;
  #pages = 0;
  #frameLength: Promise<number> | undefined;

  constructor(tools: Tools, effort: Effort, ground: Ground, say: (text: string) => void) {
    this.tools = tools;
    this.effort = effort;
    this.ground = ground;
    this.say = say;
    this.#patience = 3 * effort.reps;
  }

  start(name: ServerName): Promise<Server> {
    return startServer(name, this.ground);
  }

  /** Runs a scenario with servers that are started for it and stopped after it. */
  async withServers<T>(names: readonly ServerName[], run: (servers: readonly Server[]) => Promise<T>): Promise<T> {
    const servers: Server[] = [];
    try {
      for (const name of names) servers.push(await this.start(name));
      return await run(servers);
    } finally {
      await Promise.all(servers.map(({ child }) => child.stop()));
    }
  }

  /** A fresh page on which the load client counts, for publishers to see how far it is. */
  progressPage(): string {
    const path = join(this.ground.folder, `progress-${++this.#pages}`);
    const file = openSync(path, "w");
    ftruncateSync(file, 4096);
    closeSync(file);
    return path;
  }

  load(...options: readonly (string | number)[]): Child {
    return new Child([this.tools.load, ...options.map(String)], { core: 1 });
  }

  /** A load client that gives way to others on its core, whose latency is measured meanwhile. */
  herd(...options: readonly (string | number)[]): Child {
    return new Child(["nice", "-n", "15", this.tools.load, ...options.map(String)], { core: 1 });
  }

  publish(server: Server, ...options: readonly (string | number)[]): Child {
    const all = [...server.wayIn, "--data", dataLength, ...options];
    return new Child([this.tools.publish, ...all.map(String)], { core: 1 });
  }

  post(server: Server, ...options: readonly (string | number)[]): Child {
    const all = ["http", server.port, "--data", dataLength, ...options];
    return new Child([this.tools.publish, ...all.map(String)], { core: 1 });
  }

  /** The length of the gateway's frames in this bench, which the floor's then have too. */
  frameLength(): Promise<number> {
    this.#frameLength ??= this.withServers(["gateway"], ([server]) => this.frameLengthOf(server));
    return this.#frameLength;
  }

  /** The length of a frame with one publication. */
  async frameLengthOf(server: Server | undefined): Promise<number> {
    if (server === undefined) throw new Error("Cannot measure a frame: no server");
    const load = this.load(...server.subscribe("bench"), "-n", 1, "--settle", 0.3, "-t", 0.4);
    await load.report("connected");
    const publisher = this.publish(server, "--batch", 1, "-t", 0.6);
    const { frames, frame_bytes: bytes, publications } = await load.report("result");
    await publisher.exited;
    if (Number(bytes) < 64 || frames !== publications) throw new Error("Cannot measure a frame: none came alone");
    return Math.round(Number(bytes));
  }

  /**
   * Lets a server deliver to a crowd what a publisher sends by `pacing`, and counts at the subscribers, which hear nothing for
   * `silence` seconds before.
   */
  async deliver(server: Server, crowd: Crowd, pacing: readonly (string | number)[], silence = 0): Promise<Delivery> {
    const { window, settle } = this.effort;
    const page = this.progressPage();
    const sampled = ["--every", pacing.includes("--pace") ? 1 : 16];
    const begin = ["--settle", silence + settle];
    const load = this.#crowd(crowd, server.subscribe(crowd.channel), page, ...sampled, ...begin);
    await connectedAll(load, crowd);
    await Bun.sleep(silence * 1000);
    const spread = crowd.channel.includes("%d");
    const fanout = spread ? 1 : crowd.subscribers;
    const channel = ["--channel", crowd.channel, "--channels", spread ? crowd.subscribers : 1];
    const pace = [...channel, "--progress", page, "--fanout", fanout, ...pacing];
    const publisher = this.publish(server, "-t", settle + window + 0.2, ...pace);
    const measurement = await measured(load, server.child);
    const { sent } = await publisher.report("published");
    return { ...deliveryOf(measurement), sent: Number(sent), expected: Number(sent) * fanout };
  }

  /** The same by the floor, which makes its publications itself; its frames are as long as the gateway's, or as `frames` says. */
  async floor(
    scenario: "flood" | "paced" | "many",
    crowd: Crowd,
    options: readonly (string | number)[],
    frames?: FloorFrames,
  ): Promise<Delivery> {
    const page = this.progressPage();
    const { length, joined } = frames ?? { length: await this.frameLength(), joined: false };
    const port = nextPort();
    const common = [
      "-p",
      port,
      "-n",
      crowd.subscribers,
      "-s",
      scenario,
      "-t",
      60,
      "--length",
      length,
      "--joined",
      joined ? 1 : 0,
      "--progress",
      page,
    ];
    const floor = new Child([this.tools.floor, ...[...common, ...options].map(String)], { core: 0 });
    await floor.report("listening");
    const sampled = ["--every", scenario === "paced" ? 1 : 16, "--linger", 0];
    // A paced floor's latency needs as many samples as the others'; a flooding one is warm at once.
    const times = scenario === "paced" ? [] : ["-t", this.effort.window / 2, "--settle", 0.2];
    const plain = ["-p", String(port), ...(joined ? ["--joined"] : [])];
    const load = this.#crowd(crowd, plain, page, ...sampled, ...times);
    await connectedAll(load, crowd);
    const measurement = await measured(load, floor);
    await load.exited;
    await floor.stop();
    const delivery = deliveryOf(measurement);
    return { ...delivery, sent: delivery.received, expected: delivery.received };
  }

  /**
   * Measures each candidate between two runs of the floor. A pair whose floors differ too much is thrown away and measured
   * again, as long as there is patience; one that stays unsteady comes as `undefined`.
   */
  async between<T extends Rate>(
    candidates: readonly (() => Promise<T>)[],
    floor: () => Promise<T>,
  ): Promise<(Bracketed<T> | undefined)[]> {
    const pairs: (Bracketed<T> | undefined)[] = [];
    let before = await floor();
    for (const candidate of candidates) {
      let pair: Bracketed<T> | undefined;
      for (let tries = 0; pair === undefined && tries < 3; tries++) {
        if (tries > 0 && this.#patience-- <= 0) break;
        const measured = await candidate();
        const after = await floor();
        const floors = [before, after] as const;
        if (isUnsteady({ floors })) this.thrownAway++;
        else pair = { floors, measured };
        before = after;
      }
      pairs.push(pair);
    }
    return pairs;
  }

  #crowd({ subscribers }: Crowd, subscription: readonly string[], page: string, ...more: (string | number)[]): Child {
    const { window, settle } = this.effort;
    const times = ["-t", window, "--settle", settle, "--linger", 10];
    return this.load(...subscription, "-n", subscribers, ...times, "--progress", page, ...more);
  }
}

export async function connectedAll(load: Child, { subscribers }: Pick<Crowd, "subscribers">): Promise<Report> {
  const report = await load.report("connected");
  if (report["opened"] === subscribers) return report;
  await load.stop();
  throw new Error(`Only ${String(report["opened"])} of ${subscribers} connections were accepted. ${load.errors}`);
}

/** What the load client says in the end, and what happened within its window. */
interface Measurement {
  readonly result: Report;
  /** The part of a core that the server used. */
  readonly cpu: number;
  /** TCP's acknowledgements without data, per second. */
  readonly acknowledgements: number;
}

async function measured(load: Child, server: Child): Promise<Measurement> {
  await load.report("window");
  const [cpu, acknowledgements, begin] = [server.cpu(), acknowledgementsSoFar(), performance.now()];
  await load.report("measured");
  const seconds = (performance.now() - begin) / 1000;
  return {
    cpu: (server.cpu() - cpu) / seconds,
    acknowledgements: (acknowledgementsSoFar() - acknowledgements) / seconds,
    result: await load.report("result"),
  };
}

/** Linux counts them: a line of names is followed by a line of numbers. */
function acknowledgementsSoFar(): number {
  const lines = readFileSync("/proc/net/netstat", "utf8").split("\n");
  const [names = [], numbers = []] = lines.filter((line) => line.startsWith("TcpExt:")).map((line) => line.split(" "));
  return ["TCPPureAcks", "TCPHPAcks"].reduce((sum, name) => sum + Number(numbers[names.indexOf(name)]), 0);
}

function deliveryOf({ result, cpu, acknowledgements }: Measurement): Omit<Delivery, "sent" | "expected"> {
  const number = (field: string): number => Number(result[field]);
  if (number("protocol_errors") > 0)
    throw new Error(`The load client saw ${number("protocol_errors")} protocol errors`);
  return {
    perSecond: number("per_s"),
    cpu,
    received: number("total"),
    frameBytes: number("frame_bytes"),
    acknowledgements: acknowledgements / number("per_s"),
    clientCpu: number("client_cpu"),
    p50: number("p50"),
    p99: number("p99"),
  };
}
