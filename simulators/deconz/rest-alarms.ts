/** `/alarmsystems`. */
import { notAvailable, ok, type RestAnswer, refuse, success } from "./answers.ts";
import { answerReading, noJson, noMethod, type Question, resourceOf } from "./question.ts";

const states: Readonly<Record<string, readonly [mode: string, state: string]>> = {
  disarm: ["disarmed", "disarmed"],
  arm_stay: ["armed_stay", "armed_stay"],
  arm_night: ["armed_night", "armed_night"],
  arm_away: ["armed_away", "armed_away"],
};
export const alarmCode = "1234";

export function answerAlarms(question: Question): RestAnswer {
  const { house, method, rest, wish, isJson, address } = question;
  const reading = answerReading(question, "alarmsystems");
  if (reading !== undefined) return reading;
  if (method === "POST") return { status: 501, body: [] };
  const found = resourceOf(question, "alarmsystems");
  if (found === undefined) return notAvailable(address);
  const { id } = found;
  if (method !== "PUT") return noMethod(question);
  if (!isJson) return noJson(question);
  const [, what = ""] = rest;
  if (what === "config") {
    house.alarm(id, "config", wish);
    return ok(Object.entries(wish).map(([name, value]) => success(`/alarmsystems/${id}/config/${name}`, value)));
  }
  const target = states[what];
  if (target === undefined) return noMethod(question);
  if (wish["code0"] !== alarmCode)
    return refuse(400, 7, `/alarmsystems/${id}/code0`, "invalid value for parameter, code0");
  const [armmode, armstate] = target;
  house.alarm(id, "config", { armmode });
  house.alarm(id, "state", { armstate, seconds_remaining: 0 });
  return ok([success(`/alarmsystems/${id}/${what}`, armmode)]);
}
