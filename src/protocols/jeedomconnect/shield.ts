/** What a phone may not ask the plugin, which would do it: faults of its PHP that are not let through. Pure. */
import { objectOf } from "../../core/json.ts";
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
  if (method === "SET_LOG" && !logLevels.includes(String(params["level"]))) return "`level` is none of a log";
  if (method === "GET_AVAILABLE_EQUIPEMENT" && !isText(params["userHash"])) return "`userHash` is missing";
  const climbing = fileNames[method]?.find((name) => climbs(params[name]));
  return climbing === undefined ? undefined : `\`${climbing}\` leads out of its folder`;
}

/** Who runs a scenario is who connected, whatever the phone says. */
export function asUser(question: Question, user: { readonly id: unknown; readonly login: unknown }): Question {
  if (question.method !== "SC_EXEC") return question;
  const options = { ...objectOf(question.params["options"]), user_id: user.id, user_login: user.login };
  return { ...question, params: { ...question.params, options } };
}

function climbs(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(climbs);
  if (typeof value === "object" && value !== null) return Object.values(value).some(climbs);
  return typeof value === "string" && (value.includes("\0") || value.split(/[/\\]/).includes(".."));
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}
