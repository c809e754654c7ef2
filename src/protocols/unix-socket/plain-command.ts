/**
 * The command that nearly all commands are, read without the parser, which would look up short names in a table of all texts:
 * with many channels, that takes as long as all the rest of it. Pure.
 */
import { isPlainName } from "../../core/channels.ts";
import { isJson } from "../../core/json.ts";
import { valueEnd, valueText } from "../../core/member-text.ts";
import type { JsonText } from "../../ports.ts";
import type { Command } from "./command.ts";

const action = '"action":"sendToChannel"';
const channelMember = '"channel":"';
const dataMember = '"data":';
/** Of more the parser reads the data anyway, and what turns out not to be plain would be read twice. */
const longest = 4096;
const letterA = 0x61;
const letterC = 0x63;
const comma = 0x2c;
const closeBrace = 0x7d;

/**
 * `{"action":"sendToChannel","channel":…,"data":…}` with just these members, in any order, and with a name that needs no
 * escapes, as `commandOf` would read it. Undefined for whatever else, be it a command or no JSON at all.
 */
export function plainCommand(text: string): Command | undefined {
  let acts = false;
  let channel = "";
  let data: JsonText = "";
  if (text.length > longest || !text.startsWith("{")) return undefined;
  for (let at = 0; text.charCodeAt(at) !== closeBrace; ) {
    // Behind the opening brace, or the comma.
    at++;
    const letter = text.charCodeAt(at + 1);
    if (letter === letterA) {
      if (acts || !text.startsWith(action, at)) return undefined;
      acts = true;
      at += action.length;
    } else if (letter === letterC) {
      if (channel !== "" || !text.startsWith(channelMember, at)) return undefined;
      const start = at + channelMember.length;
      const end = text.indexOf('"', start);
      channel = text.slice(start, end);
      if (!isPlainName(channel)) return undefined;
      at = end + 1;
    } else {
      if (data !== "" || !text.startsWith(dataMember, at)) return undefined;
      const start = at + dataMember.length;
      at = valueEnd(text, start);
      if (!isJson(text.slice(start, at))) return undefined;
      data = valueText(text, start, at);
    }
    const behind = text.charCodeAt(at);
    if (behind !== comma && (behind !== closeBrace || at !== text.length - 1)) return undefined;
  }
  if (!acts || channel === "" || data === "" || data === "null") return undefined;
  return { kind: "publish", channel, draft: { data } };
}
