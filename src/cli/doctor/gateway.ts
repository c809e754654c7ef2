/** Whether the gateway answers at this address, knows the time, and takes its own pages for its own. */
import { messageOf } from "../../core/thrown.ts";
import { advice, ask, codeOfError, type Finding, good, type Place, wrong } from "./finding.ts";

export async function lookForGateway(place: Place): Promise<Finding> {
  let response: Response;
  try {
    response = await ask(place, "health/live");
  } catch (thrown) {
    const program = "start the gateway, or let the proxy pass on to where it listens";
    return wrong("Gateway", `no answer comes (${messageOf(thrown)})`, program);
  }
  const body = await response.text();
  if (response.ok && body === '{"live":true}') return good("Gateway", `it answers at ${place.base}`);
  return misled(place, response, body);
}

async function misled(place: Place, { status, headers }: Response, body: string): Promise<Finding> {
  const { base } = place;
  const path = base.pathname.slice(0, -1);
  const location = headers.get("location");
  if (status >= 300 && status < 400 && location !== null) {
    const target = new URL(location, base).href.replace(/health\/live$/, "");
    return wrong("Gateway", `who asks here is sent on to ${target}`, `give clients the address ${target}`);
  }
  if (codeOfError(body) !== undefined && path !== "") {
    return wrong(
      "Gateway",
      `it is asked for ${path}/health/live, and has no such path`,
      advice(`let the proxy take ${path} away before it passes on`, headers, {
        nginx: `\`location ${path}/ { proxy_pass http://127.0.0.1:8642/; … }\`, with the slash at the end`,
        apache: `\`ProxyPass "${path}/" "http://127.0.0.1:8642/" …\`, with both slashes`,
        caddy: `\`handle_path ${path}/* { … }\` in the place of \`handle\` or \`reverse_proxy ${path}/*\``,
      }),
    );
  }
  if (codeOfError(body) !== undefined) {
    return wrong(
      "Gateway",
      "a listener of one protocol answers",
      "ask at the address of `listen`, or of a listener without `protocol`",
    );
  }
  if (status === 502 || status === 503 || status === 504) {
    return wrong(
      "Gateway",
      `the proxy does not reach it (${status})`,
      "start the gateway, and let the proxy pass on to where it listens (`hearthwire status`)",
    );
  }
  const root = { ...place, base: new URL("/", base) };
  const atRoot = path !== "" && (await lookForGateway(root)).state === "good";
  if (atRoot)
    return wrong("Gateway", `something else answers here (${status})`, `use ${root.base}: the gateway is there`);
  return wrong(
    "Gateway",
    `something else answers here (${status})`,
    `let the proxy pass on all below ${base} to the gateway (docs/proxies.md)`,
  );
}

/** Beyond it, tokens count as expired or not yet good. In ms; the header `Date` has whole seconds. */
const clockTolerance = 10_000;

export async function lookAtClock(place: Place): Promise<Finding> {
  const asked = Date.now();
  const { headers } = await ask(place, "health/live");
  const told = Date.parse(headers.get("date") ?? "");
  if (Number.isNaN(told)) return { what: "Clock", state: "untested", seen: "the answer has no date" };
  const off = told - (asked + Date.now()) / 2;
  if (Math.abs(off) < clockTolerance) return good("Clock", "it agrees with this machine's");
  const seconds = Math.round(Math.abs(off) / 1000);
  const seen = `it is ${seconds} s ${off > 0 ? "ahead of" : "behind"} this machine's`;
  return wrong("Clock", seen, "set both by NTP (`timedatectl set-ntp true`): tokens and certificates depend on it");
}

/** Its own page speaks with it from the origin at which it is seen. */
export async function lookAtPages(place: Place): Promise<Finding> {
  const { origin } = place.base;
  const { headers } = await ask(place, "health/live", { headers: { origin } });
  if (headers.get("access-control-allow-origin") === origin)
    return good("Pages", `pages of ${origin} may speak with it`);
  const general = `set \`public_url: ${place.base.href.slice(0, -1)}\`, and let the proxy pass on Host`;
  return wrong(
    "Pages",
    `it does not take ${origin} for its own, so its page does not work there`,
    advice(general, headers, {
      nginx: "`proxy_set_header Host $http_host;`, and X-Forwarded-Proto with its address in `trusted_proxies`",
      apache: "`ProxyPreserveHost On`, and X-Forwarded-Proto with its address in `trusted_proxies`",
    }),
  );
}
