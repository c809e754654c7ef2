/** The page: its forms drive one client, and what the client brings goes to the views, drawn once per frame. */
import { ChannelClient } from "./channel-client.js";
import { LogView } from "./log-view.js";
import { MapsView } from "./maps-view.js";
import { RoomsView } from "./rooms-view.js";
import { StateView } from "./state-view.js";
import { channelNames, transports } from "./transports.js";
import { byId, counted, duration } from "./values.js";

/** @import { TransportName } from "./wire.js" */

/** What the page opens on when its URL names nothing: the demo's house, then what a new gateway opens to everybody. */
const firstChannels = ["home/**", "demo/**"];
const keyItem = "hearthwire-key";
/** Absences shorter than this are not worth a word. */
const shortest = 1000;

const stateView = new StateView();
const log = new LogView();
const rooms = new RoomsView();
const maps = new MapsView(edit);
const views = [log, rooms, maps];

const listenForm = byId("listen", HTMLFormElement);
const channelInput = byId("channel", HTMLInputElement);
const keyInput = byId("key", HTMLInputElement);
const publishForm = byId("publish", HTMLFormElement);
const publishChannel = byId("publish-channel", HTMLInputElement);
const publishKey = byId("publish-key", HTMLInputElement);
const publishData = byId("publish-data", HTMLTextAreaElement);
const publishKind = byId("publish-kind", HTMLElement);
const publishResult = byId("publish-result", HTMLElement);
const notice = byId("notice", HTMLElement);
const noticeText = byId("notice-text", HTMLElement);

/** The time and count when the page was left or the connection broke; what comes until it has caught up was owed. */
/** @type {{ since: number, received: number, seen: boolean, gap: boolean } | undefined} */
let absence;
/** @type {Set<string>} */
const heardOf = new Set();
const mostHeardOf = 500;
/** Channels to try by themselves when these are refused. @type {string[]} */
let untried = [];

const client = new ChannelClient(new URL(".", location.href).href, {
  state(state) {
    if (state.name === "refused" && keyInput.value === "" && untried.length > 0) {
      channelInput.value = untried.shift() ?? "";
      listen();
      return;
    }
    if (state.name === "waiting") {
      absence ??= leave(true);
      // Trying again and again is one break, not many.
      if (state.attempt === 1 && state.ending.planned !== true) log.note(state.ending.text);
      draw();
    }
    stateView.show(state);
    tick();
  },
  publication(publication, place) {
    for (const view of views) view.add(publication, place);
    if (heardOf.size < mostHeardOf) heardOf.add(publication.channel);
    draw();
  },
  gap(channels) {
    if (absence !== undefined) absence.gap = true;
    maps.forget(channels);
    rooms.forget(channels);
    log.note(`Some publications are lost here: ${channels.join(", ")}`);
    draw();
  },
  caughtUp: returned,
});

// ── Listening ──

/** @returns {TransportName} */
function chosenTransport() {
  const name = new FormData(listenForm).get("transport");
  return /** @type {TransportName} */ (typeof name === "string" && name in transports ? name : "websocket");
}

function listen() {
  const channel = channelInput.value.trim().replaceAll(/\s*,\s*/g, ",");
  if (channel === "") return;
  const transport = chosenTransport();
  const key = keyInput.value.trim();
  if (key === "") sessionStorage.removeItem(keyItem);
  else sessionStorage.setItem(keyItem, key);
  if (channel !== client.channel) {
    for (const view of views) view.clear();
    absence = undefined;
    notice.hidden = true;
  }
  client.listen({ channel, transport, key });
}

/** What was asked for by hand belongs into the URL, to be kept and passed on. */
function remember() {
  untried = [];
  const url = new URL(location.href);
  url.searchParams.set("channel", client.channel);
  url.searchParams.set("transport", client.transport);
  history.replaceState(null, "", url);
}

listenForm.addEventListener("submit", (event) => {
  event.preventDefault();
  listen();
  remember();
});
listenForm.addEventListener("change", ({ target }) => {
  if (!(target instanceof HTMLInputElement) || target.name !== "transport") return;
  listen();
  remember();
});
byId("retry", HTMLButtonElement).addEventListener("click", () => client.retry());

/** Names to choose from: where to begin, and what has been heard of. */
async function suggest() {
  for (const name of await channelNames(keyInput.value.trim())) if (heardOf.size < mostHeardOf) heardOf.add(name);
  const options = [...firstChannels, ...[...heardOf].sort()].map((name) => new Option(name, name));
  byId("channels", HTMLDataListElement).replaceChildren(...options);
}
channelInput.addEventListener("focus", suggest);
publishChannel.addEventListener("focus", suggest);

// ── Away and back ──

/** @param {boolean} seen the connection broke while somebody looked on */
function leave(seen) {
  return { since: Date.now(), received: client.counts.received, seen, gap: false };
}

/** @param {number} owed */
function returned(owed) {
  if (absence === undefined || document.hidden) return;
  const { since, received, seen, gap } = absence;
  absence = undefined;
  const away = Date.now() - since;
  if (away < shortest && owed === 0 && !gap) return;
  const came = client.counts.received - received;
  const lost = gap ? " Some are lost for good: the list shows where." : "";
  const what = came === 0 && !gap ? "Nothing was missed" : counted(came, "publication");
  noticeText.textContent = `${what} ${seen ? "while the connection was down" : "while you were away"} (${duration(away)}).${lost}`;
  notice.hidden = false;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    absence ??= leave(false);
    return;
  }
  const away = absence === undefined ? 0 : Date.now() - absence.since;
  if (!client.wake(away) && client.state.name === "live") returned(0);
});
// A page that comes out of the browser's back-forward cache was frozen with its connection cut.
addEventListener("pageshow", (event) => {
  if (event instanceof PageTransitionEvent && event.persisted) client.wake(Number.POSITIVE_INFINITY);
});
addEventListener("online", () => client.wake(Number.POSITIVE_INFINITY));
byId("notice-close", HTMLButtonElement).addEventListener("click", () => {
  notice.hidden = true;
});

// ── Publishing ──

/** @param {string} text */
function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** @param {string} channel @param {string} key @param {unknown} data */
function edit(channel, key, data) {
  publishChannel.value = channel;
  publishKey.value = key;
  publishData.value = JSON.stringify(data, null, 2);
  publishData.dispatchEvent(new Event("input"));
  publishData.focus();
}

publishData.addEventListener("input", () => {
  publishKind.textContent = isJson(publishData.value) ? "sent as JSON" : "sent as text";
});
publishForm.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = publishData.value;
  const what = { body, json: isJson(body), mapKey: publishKey.value.trim() };
  try {
    const { channel, offset } = await client.publish(publishChannel.value.trim(), what);
    publishResult.textContent = `Published on ${channel}, number ${offset.toLocaleString()}`;
    publishResult.className = "";
  } catch (thrown) {
    publishResult.textContent = thrown instanceof TypeError ? "The gateway does not answer" : String(thrown).slice(7);
    publishResult.className = "failed";
  }
});
publishData.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) publishForm.requestSubmit();
});

// ── Drawing ──

let drawn = true;

/** Whatever comes between two frames is drawn at once; a hidden page draws nothing. */
function draw() {
  if (!drawn) return;
  drawn = false;
  requestAnimationFrame(() => {
    drawn = true;
    for (const view of views) view.draw();
    tick();
  });
}

function tick() {
  stateView.tick(client.state, client.counts);
}

setInterval(tick, 500);

// ── Opening ──

const asked = new URLSearchParams(location.search);
const [first = "", ...others] = firstChannels;
channelInput.value = asked.get("channel") ?? first;
if (!asked.has("channel")) untried = others;
keyInput.value = sessionStorage.getItem(keyItem) ?? "";
for (const radio of listenForm.querySelectorAll("input[name=transport]")) {
  if (radio instanceof HTMLInputElement && radio.value === asked.get("transport")) radio.checked = true;
}
listen();
