/** A thousand events a second for fifty clients, in each dialect, with a restart, a lost network and a clock that jumps. */
import { expect, test } from "bun:test";
import { type Dialect, dialects } from "../../../simulators/jeedom/event-buffer.ts";
import { endedAfterEach } from "../../ended-after-each.ts";
import { until } from "../../transports/raw-client.ts";
import { openStage, type Stage } from "./stage.ts";

const long = process.env["HEARTHWIRE_LONG"] === "1";
/** In ms: four stretches are a minute for the long run. */
const stretch = long ? 15_000 : 1200;
const clients = 50;
const perTick = 20;
const tick = 20;

const open = endedAfterEach(openStage, (stage) => stage.stop());

/** A thousand events a second, of so many commands that most of what is between two answers stays in Jeedom's list. */
class Bustle {
  number = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor({ simulator }: Stage) {
    const commands = simulator.house.infos();
    this.#timer = setInterval(() => {
      for (let each = 0; each < perTick; each++) {
        const id = commands[this.number % commands.length] ?? 0;
        simulator.events.add("cmd::update", { cmd_id: id, value: ++this.number, display_value: this.number, unit: "" });
        simulator.house.command(id).state = this.number;
      }
    }, tick);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** A WebSocket on the channel of events, and what it heard: each event as it is, and gaps. */
function listen(url: string, key: string): { readonly heard: string[]; readonly socket: WebSocket } {
  const heard: string[] = [];
  const headers = { authorization: `Bearer ${key}` };
  const socket = new WebSocket(`${url.replace("http", "ws")}/channels/jeedom/events`, { headers } as never);
  socket.onmessage = ({ data }) => {
    const { data: event, tags } = JSON.parse(String(data)) as { data?: object; tags?: { gap?: string } };
    if (tags?.gap !== undefined) heard.push("gap");
    else if (event !== undefined && "option" in event) heard.push(JSON.stringify(event));
  };
  return { heard, socket };
}

test.each(dialects)(
  "Jeedom %s",
  async (dialect: Dialect) => {
    const stage = await open({ simulator: { dialect, waitPollingTime: 100 } });
    const { simulator } = stage;
    const key = await stage.key();
    const crowd = Array.from({ length: clients }, () => listen(stage.gateway.url, key));
    await until(() => crowd.every(({ socket }) => socket.readyState === WebSocket.OPEN), "the clients");
    const answered = new Set<string>();
    simulator.answered = (row) => answered.add(JSON.stringify(JSON.parse(row)));

    const bustle = new Bustle(stage);
    await Bun.sleep(stretch);
    await simulator.restart(300);
    await stage.becomes("connected");
    await Bun.sleep(stretch);
    await simulator.cut();
    await stage.becomes("lost");
    await Bun.sleep(500);
    simulator.start();
    await stage.becomes("connected");
    await Bun.sleep(stretch);
    simulator.jump(-3600);
    await Bun.sleep(stretch + 2500);
    bustle.stop();
    simulator.events.add("end", {});

    const [first] = crowd;
    await until(() => first?.heard.some((event) => event.includes('"end"')) === true, "the last event", 30_000);
    await until(() => crowd.every(({ heard }) => heard.length === first?.heard.length), "all of it");
    for (const { heard } of crowd) expect(Bun.deepEquals(heard, first?.heard)).toBe(true);
    const events = first?.heard.filter((event) => event !== "gap") ?? [];
    expect([events.length, new Set(events).size]).toEqual([answered.size, answered.size]);
    expect(events.every((event) => answered.has(event))).toBe(true);
    expect(first?.heard.filter((event) => event === "gap").length).toBeGreaterThanOrEqual(3);
    expect(events.length).toBeGreaterThan(bustle.number / (dialect === "4.4.9" ? 20 : 4));

    const values = async (): Promise<boolean> => {
      const commands = await stage.map("commands");
      return simulator.house
        .infos()
        .every((id) => String(commands[id]?.["value"]) === String(simulator.house.command(id).state));
    };
    await stage.sees(values, "the last value of each command", 20_000);
    expect([simulator.mostWaiting, stage.gateway.errors]).toEqual([1, []]);
    for (const { socket } of crowd) socket.close();
  },
  long ? 240_000 : 60_000,
);
