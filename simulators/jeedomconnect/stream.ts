/** eventServer.php: what a phone on HTTP is told, from its visit to the end. */
import type { PhoneEquipment } from "./equipment.ts";
import type { Message } from "./message.ts";
import { answer } from "./methods.ts";
import type { Plugin } from "./plugin.ts";
import { allInfo, phpJson } from "./shapes.ts";

/** A heartbeat after each so many rounds in which there was nothing. */
const quietRounds = 5;
const mostSessions = 1000;

export interface StreamParts {
  readonly plugin: Plugin;
  readonly apiKey: string;
  /** How often it looks for events, in ms. */
  readonly round: number;
  /** The visitor is gone, or the server. */
  readonly signal: AbortSignal;
  /** Told of each look. */
  readonly looked: (phone: PhoneEquipment) => void;
}

/** Texts as they leave. */
export async function* streamEvents({ plugin, apiKey, round, signal, looked }: StreamParts): AsyncGenerator<string> {
  const phone = plugin.find(apiKey);
  if (phone === undefined) {
    const message = "Error with 'SSE' method Can't find eqLogic";
    yield write({ type: "EXCEPTION", payload: { message } });
    return;
  }
  const session = (phone.sessionId + 1) % mostSessions;
  Object.assign(phone, { connected: 1, appState: "active", scAll: false, sessionId: session });
  const { jeedom } = plugin;
  const cursors = { configVersion: phone.config?.payload.configVersion, lastReadTimestamp: jeedom.now() };
  let [historic, quiet] = [jeedom.now(), 0];
  yield write({ type: "SET_INFO", payload: allInfo(jeedom.house, phone) });
  const isCurrent = (): boolean => phone.useWs === "0" && phone.polling === "0" && phone.sessionId === session;
  while (isCurrent()) {
    looked(phone);
    const message = answer("GET_EVENTS", { ...cursors, lastHistoricReadTimestamp: historic }, phone.apiKey, plugin);
    if (message?.type === "CONFIG_AND_INFOS") cursors.configVersion = phone.config?.payload.configVersion;
    if (message?.type === "SET_EVENTS") {
      const items = message.payload as readonly Message[];
      [cursors.lastReadTimestamp, historic] = items.slice(0, 2).map(({ payload }) => Number(payload)) as [
        number,
        number,
      ];
    }
    if (message !== undefined && saysSomething(message)) yield write(message);
    else if (++quiet % quietRounds === 0) yield write({ event: "heartbeat" });
    await Bun.sleep(round);
    if (!signal.aborted || !isCurrent()) continue;
    Object.assign(phone, { connected: 0, appState: "background" });
    return;
  }
}

function saysSomething({ type, payload }: Message): boolean {
  if (type !== "SET_EVENTS") return true;
  return (payload as readonly Message[]).some((item) => Array.isArray(item.payload) && item.payload.length > 0);
}

/** JSON in a text that is JSON, after no space. */
function write(message: object): string {
  return `data:${phpJson(phpJson(message))}\r\n\r\n`;
}
