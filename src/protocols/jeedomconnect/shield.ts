/** What a phone may not ask the plugin, which would do it: faults of its PHP that are not let through. Pure. */
import { type JsonObject, objectOf, textIn } from "../../core/json.ts";
import type { Question } from "./question.ts";

/** What a Firebase token is made of; the plugin puts it into a command line. */
const token = /^[\w:.-]{0,4096}$/;
const logLevels = ["debug", "info", "warning", "error", "trace"];

/** Methods whose parameters become names of files, and which parameters those are. */
const fileNames: Readonly<Record<string, readonly string[]>> = {
  GET_LOG: ["id"],
  GET_FILES: ["folder", "prefixe"],
  REMOVE_FILE: ["file"],
  REMOVE_FILES: ["files", "path"],
  SET_APP_CONFIG: ["name"],
  GET_APP_CONFIG: ["configId"],
};

/** Why a question is not passed on; undefined where it is. */
export function faultOf({ method, params }: Question): string | undefined {
  if (method === "CONNECT" || method === "REGISTER_DEVICE") {
    const shown = params["token"] ?? "";
    if (typeof shown !== "string" || !token.test(shown)) return "`token` is none";
  }
  if (method === "SET_LOG" && !logLevels.includes(textIn(params["level"]))) return "`level` is none of a log";
  if (method === "GET_AVAILABLE_EQUIPEMENT" && !isText(params["userHash"])) return "`userHash` is missing";
  const climbing = fileNames[method]?.find((name) => climbs(params[name]));
  return climbing === undefined ? undefined : `\`${climbing}\` leads out of its folder`;
}

/** Who runs a scenario or a command is who connected, whatever the phone says, or leaves out: then the plugin asks for no right. */
export function asUser(question: Question, { id, login }: { readonly id: unknown; readonly login: unknown }): Question {
  const { method, params } = question;
  const signed = (one: JsonObject): JsonObject => ({
    ...one,
    options: { ...objectOf(one["options"]), user_id: id, user_login: login },
  });
  if (method === "SC_EXEC" || method === "CMD_EXEC") return { ...question, params: signed(params) };
  const { cmdList } = params;
  if (method !== "CMDLIST_EXEC" || typeof cmdList !== "object" || cmdList === null) return question;
  return { ...question, params: { ...params, cmdList: Object.values(cmdList).map((one) => signed(objectOf(one))) } };
}

function climbs(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(climbs);
  if (typeof value === "object" && value !== null) return Object.values(value).some(climbs);
  return typeof value === "string" && (value.includes("\0") || value.split(/[/\\]/).includes(".."));
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}
