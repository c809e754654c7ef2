/** Certificates as tests need them, and clients that look at them. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { type CertificateFiles, type CertificateText, readCertificate } from "../src/transports/certificates.ts";

/** A certificate of one's own for localhost, with that common name. */
export function makeCertificate(folder: string, name: string): CertificateFiles {
  const files = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
  const what = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  const names = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=DNS:localhost"];
  execFileSync("openssl", ["req", ...what, ...names, "-keyout", files.key, "-out", files.cert], { stdio: "ignore" });
  return files;
}

/** The same without files. */
export function certificateOf(name: string): CertificateText {
  const folder = mkdtempSync(join(tmpdir(), "hearthwire-tls-"));
  try {
    return readCertificate(makeCertificate(folder, name));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** As whoever renews a certificate does. */
export function copyCertificate(from: CertificateFiles, to: CertificateFiles): void {
  copyFileSync(from.cert, to.cert);
  copyFileSync(from.key, to.key);
}

export function dialTls(port: number, more: Parameters<typeof connect>[0] = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ...more }, () => resolve(socket));
    socket.once("error", reject);
  });
}

/** The common name of the certificate that a new connection is shown. */
export async function nameAt(port: number): Promise<unknown> {
  const socket = await dialTls(port);
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return CN;
}

/** The server's refusal of anything older than TLS 1.2, in OpenSSL's words. */
export function oldTlsAt(port: number): string {
  const options = `-tls1_1 -cipher ALL:@SECLEVEL=0 -connect 127.0.0.1:${port}`;
  return execFileSync("sh", ["-c", `openssl s_client ${options} </dev/null 2>&1 || true`]).toString();
}
