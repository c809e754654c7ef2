/** Certificates as files, which whoever renews them writes anew while they are in use. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";

/** A certificate with its chain, and its private key: PEM. TLS 1.2 and 1.3 only. */
export interface CertificateText {
  readonly cert: string;
  readonly key: string;
}

/** Paths of PEM files. */
export interface CertificateFiles {
  /** The certificate and its chain. */
  readonly cert: string;
  readonly key: string;
}

/** Throws, with a sentence for the log, when they cannot be read, or are not a certificate and its key. */
export function readCertificate(files: CertificateFiles): CertificateText {
  const text = { cert: readText(files.cert), key: readText(files.key) };
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(text.cert);
  } catch (thrown) {
    throw unusable(files.cert, "it is no certificate (PEM)", thrown);
  }
  let matches: boolean;
  try {
    matches = certificate.checkPrivateKey(createPrivateKey(text.key));
  } catch (thrown) {
    throw unusable(files.key, "it is no private key (PEM) without a passphrase", thrown);
  }
  if (!matches) throw unusable(files.cert, `the key in ${files.key} is not its own`);
  return text;
}

/** What a listener serves, and whether its files say something else by now. */
export class CertificateInUse {
  #files: CertificateFiles;
  #text: CertificateText;
  #complaint = "";

  /** Throws like `readCertificate`. */
  constructor(files: CertificateFiles) {
    this.#files = files;
    this.#text = readCertificate(files);
  }

  get text(): CertificateText {
    return this.#text;
  }

  /** What the files, or those that are named, have now; undefined if that is in use. Throws like `readCertificate`. */
  renewed(files: CertificateFiles = this.#files): CertificateText | undefined {
    const text = readCertificate(files);
    return text.cert === this.#text.cert && text.key === this.#text.key ? undefined : text;
  }

  takeUp(text: CertificateText): void {
    this.#text = text;
    this.#complaint = "";
  }

  /** It is renewed by these files from now on. */
  follow(files: CertificateFiles): void {
    this.#files = files;
  }

  /** Whether this was not said of it just before. */
  isNews(complaint: string): boolean {
    const isNews = complaint !== this.#complaint;
    this.#complaint = complaint;
    return isNews;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    const { code, message } = thrown as { code?: string; message: string };
    throw unusable(path, code === "ENOENT" ? "it does not exist" : message, thrown);
  }
}

function unusable(path: string, why: string, cause?: unknown): Error {
  return new Error(`Cannot use ${path} for TLS: ${why}`, { cause });
}
