/** What phones ask of Jeedom itself: its state, its plugins, its past. Nothing is wrong with it, and nothing is old. */
import type { Message } from "./message.ts";
import type { Answering } from "./plugin.ts";

const health = { plugins: [], jeedom: [{ name: "Cron", state: "OK", result: "OK", comment: "" }], nbUpdate: 0 };

/** Answered always the same. */
const answers: readonly (readonly [method: string, type: string, payload: unknown])[] = [
  ["GET_INSTALL_DETAILS", "SET_INSTALL_DETAILS", "Jeedom 4.4"],
  ["GET_BATTERIES", "SET_BATTERIES", []],
  ["GET_PLUGINS_UPDATE", "SET_PLUGINS_UPDATE", { nbUpdate: 0, pluginsToUpdate: [], otherPlugins: [] }],
  ["DO_PLUGIN_UPDATE", "SET_PLUGIN_UPDATE", true],
  ["DAEMON_PLUGIN_RESTART", "SET_DAEMON_PLUGIN_RESTART", true],
  ["DAEMON_PLUGIN_STOP", "SET_DAEMON_PLUGIN_STOP", true],
  ["GET_JEEDOM_GLOBAL_HEALTH", "SET_JEEDOM_GLOBAL_HEALTH", health],
  ["GET_JEEDOM_MESSAGES", "SET_JEEDOM_MESSAGES", []],
  ["REMOVE_JEEDOM_MESSAGE", "SET_JEEDOM_MESSAGES", []],
  ["GET_TIMELINE_FOLDERS", "SET_TIMELINE_FOLDERS", []],
  ["GET_TIMELINE_EVENTS", "SET_TIMELINE_EVENTS", []],
  // What a file holds, as JSON in a text.
  ["GET_LOG", "SET_LOG", '"[2023-11-14 22:13:20] INFO  Bonjour"'],
];

export const administration: Readonly<Record<string, Answering>> = {
  ...Object.fromEntries(answers.map(([method, type, payload]) => [method, (): Message => ({ type, payload })])),
  GET_HISTORY: (_, { id }) => ({ type: "SET_HISTORY", payload: historyOf(id) }),
  GET_HISTORIES: (_, { ids }) => ({ type: "SET_HISTORIES", payload: [ids].flat().map(historyOf) }),
  QUERY_INTERACT: (_, { keywordIndex }) => {
    return { type: "QUERY_ANSWER", payload: { reply: "Je n'ai pas compris", keywordIndex } };
  },
};

function historyOf(id: unknown): object {
  return { id, data: [{ time: 1_700_000_000, value: "21.5" }] };
}
