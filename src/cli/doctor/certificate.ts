/** Whether the address answers, and whether its certificate is good. */
import { connect as connectPlain } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { messageOf } from "../../core/thrown.ts";
import { codeOf } from "../failure.ts";
import { type Finding, good, type Place, patience, wrong } from "./finding.ts";

/** What is left of a certificate's time when it should have been renewed long since: clients do it at a third. */
const late = 1 / 4;

export async function lookAtAddress({ base, tls }: Place): Promise<readonly Finding[]> {
  const { protocol, port: digits } = base;
  const host = base.hostname.replace(/^\[|\]$/g, "");
  const port = Number(digits || (protocol === "https:" ? 443 : 80));
  try {
    if (protocol === "http:") {
      await open(() => connectPlain({ host, port }), "connect");
      return [good("Address", `${base.host} takes connections`)];
    }
    const name = /^[\d.]+$|:/.test(host) ? undefined : host;
    const named = name === undefined ? {} : { servername: name };
    // What is wrong with the certificate is the question: it must not end the connection.
    const options = {
      host,
      port,
      ...named,
      rejectUnauthorized: false,
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    };
    const seen = await open(
      () => connectTls(options),
      "secureConnect",
      (socket) => judge(socket, base.hostname),
    );
    return [good("Address", `${base.host} takes connections`), seen ?? good("Certificate", "good")];
  } catch (thrown) {
    return [unreachable(base, thrown)];
  }
}

type AnySocket = ReturnType<typeof connectPlain> | TLSSocket;

function open<Socket extends AnySocket, Seen = undefined>(
  connect: () => Socket,
  event: "connect" | "secureConnect",
  look?: (socket: Socket) => Seen,
): Promise<Seen | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect();
    socket.setTimeout(patience, () => reject(new Error("nobody answers")));
    socket.once("error", reject);
    socket.once(event, () => {
      const seen = look?.(socket);
      socket.destroy();
      resolve(seen);
    });
  });
}

function unreachable({ host, hostname, protocol }: URL, thrown: unknown): Finding {
  const code = codeOf(thrown);
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return wrong("Address", `nobody knows the name ${hostname}`, "give the name an entry (A or AAAA) in the DNS");
  }
  if (code === "ECONNREFUSED") {
    return wrong(
      "Address",
      `${host} refuses connections`,
      "start the proxy or the gateway there, and let it listen on this address",
    );
  }
  if (code === "ECONNRESET" || code.startsWith("ERR_SSL") || code.startsWith("EPROTO")) {
    const other = protocol === "https:" ? "http" : "https";
    return wrong(
      "Address",
      `${host} ends the connection (${messageOf(thrown)})`,
      `see that it speaks ${protocol.slice(0, -1)} there, or try ${other}://${host}`,
    );
  }
  return wrong(
    "Address",
    `${host} cannot be reached (${messageOf(thrown)})`,
    "open the port in the firewall, and forward it in the router",
  );
}

const trust: Readonly<Record<string, readonly [string, string]>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: [
    "signed by itself, which no browser takes",
    "get one of Let's Encrypt (docs/tls.md); for an authority of your own, show it to the doctor with --ca",
  ],
  SELF_SIGNED_CERT_IN_CHAIN: [
    "of an authority that this machine does not know",
    "get one of Let's Encrypt (docs/tls.md); for an authority of your own, show it to the doctor with --ca",
  ],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: [
    "without the certificates between it and a known authority",
    "serve the whole chain: fullchain.pem, not cert.pem (docs/tls.md)",
  ],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: [
    "of an authority that this machine does not know, or without the certificates in between",
    "serve the whole chain: fullchain.pem, not cert.pem (docs/tls.md)",
  ],
  CERT_HAS_EXPIRED: ["over", "renew it, and see why that was not done by itself (docs/tls.md)"],
  CERT_NOT_YET_VALID: ["not good yet", "set the clock of the machine that made it, or of this one"],
};

function judge(socket: TLSSocket, host: string): Finding {
  const certificate = socket.getPeerCertificate();
  const until = Date.parse(certificate.valid_to);
  const date = Number.isNaN(until) ? certificate.valid_to : new Date(until).toISOString().slice(0, 10);
  const fault = String(socket.authorizationError ?? "");
  if (fault.includes("ALTNAME")) {
    const names = certificate.subjectaltname?.replaceAll(/DNS:|IP Address:/g, "") ?? "no name";
    return wrong("Certificate", `it is for ${names}, not for ${host}`, `get one that names ${host} (docs/tls.md)`);
  }
  if (!socket.authorized) {
    const [what, change] = trust[fault] ?? [`not good (${fault})`, "see docs/tls.md"];
    return wrong("Certificate", `it is ${what} (until ${date})`, change);
  }
  if (until - Date.now() < late * (until - Date.parse(certificate.valid_from))) {
    return wrong("Certificate", `it ends on ${date}`, "see why it is not renewed by itself (docs/tls.md)");
  }
  return good("Certificate", `good until ${date}, ${socket.getProtocol() ?? "TLS"}`);
}
