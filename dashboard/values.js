/** How values, times and durations read. */

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hour12: false });
const longest = 80;
const mostMembers = 6;

/** @param {number} time ms since the epoch */
export function clockTime(time) {
  return clock.format(time);
}

/** @param {number} ms */
export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** @param {number} count @param {string} noun */
export function counted(count, noun) {
  return `${count.toLocaleString()} ${noun}${count === 1 ? "" : "s"}`;
}

/** @param {string} text */
function shortened(text) {
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}

/** @param {unknown} value */
function plain(value) {
  if (typeof value === "string") return shortened(value);
  if (value === true) return "yes";
  if (value === false) return "no";
  if (value === null) return "–";
  return shortened(JSON.stringify(value));
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Members in the order in which they are worth reading: a value goes with its unit. @param {Record<string, unknown>} value */
function membersOf(value) {
  const { unit, ...rest } = value;
  if (typeof unit !== "string" || !("value" in rest)) return Object.entries(value);
  return Object.entries({ ...rest, value: `${plain(rest["value"])} ${unit}` });
}

/** Whether a level of the key says it already: `kitchen/counter` says the room. @param {unknown} member @param {string} key */
function isSaid(member, key) {
  return typeof member === "string" && key.split("/").includes(member.toLowerCase().replaceAll(" ", "-"));
}

/**
 * One line for a value: an object as its members, but for those that its map key says; everything else as it is.
 *
 * @param {unknown} value
 * @param {string} [key]
 */
export function valueElement(value, key = "") {
  const line = document.createElement("span");
  line.className = "value";
  if (!isObject(value)) {
    line.textContent = plain(value);
    return line;
  }
  const all = membersOf(value);
  const unsaid = all.filter(([, member]) => !isSaid(member, key));
  const members = unsaid.length > 0 ? unsaid : all;
  for (const [name, member] of members.slice(0, mostMembers)) {
    const pair = element("span", "pair", line);
    element("span", "name", pair).textContent = name;
    pair.append(" ", plain(member));
    line.append(" ");
  }
  if (members.length > mostMembers) line.append("…");
  if (members.length === 0) line.textContent = "{}";
  return line;
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} className
 * @param {Element} [parent]
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, className, parent) {
  const made = document.createElement(tag);
  if (className !== "") made.className = className;
  parent?.append(made);
  return made;
}

/**
 * The page's own elements are there by contract; one that is missing is a mistake of ours.
 *
 * @template {Element} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
export function byId(id, kind) {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`Cannot find #${id}, a ${kind.name}`);
}
