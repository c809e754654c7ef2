/** Certificates as authorities make them: a root, one in between, and one for localhost with the dates that a test wants. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Chain {
  /** The authority to trust. */
  readonly root: string;
  /** The certificate alone, and with the one in between. Files. */
  readonly cert: string;
  readonly fullchain: string;
  readonly privkey: string;
}

const day = 86_400_000;
const elliptic = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes".split(" ");

/** For `name`, good from and until so many days from now. */
export function makeChain(
  folder: string,
  {
    name = "localhost",
    from = -1,
    until = 60,
  }: { readonly name?: string; readonly from?: number; readonly until?: number } = {},
): Chain {
  const at = (file: string): string => join(folder, file);
  openssl(
    "req",
    "-x509",
    ...elliptic,
    "-days",
    "90",
    "-subj",
    "/CN=root",
    "-keyout",
    at("root.key"),
    "-out",
    at("root.pem"),
  );
  const request = (who: string, subject: string): void =>
    openssl("req", ...elliptic, "-subj", `/CN=${subject}`, "-keyout", at(`${who}.key`), "-out", at(`${who}.csr`));
  request("between", "between");
  request("own", name);
  sign(folder, "root", "between", "basicConstraints=critical,CA:TRUE", -1, 90);
  sign(folder, "between", "own", `subjectAltName=DNS:${name}`, from, until);
  writeFileSync(at("fullchain.pem"), readFileSync(at("own.pem"), "utf8") + readFileSync(at("between.pem"), "utf8"));
  return { root: at("root.pem"), cert: at("own.pem"), fullchain: at("fullchain.pem"), privkey: at("own.key") };
}

function sign(folder: string, by: string, who: string, extension: string, from: number, until: number): void {
  const at = (file: string): string => join(folder, file);
  writeFileSync(at(`${by}.index`), "");
  writeFileSync(
    at(`${by}.cnf`),
    `[ca]
default_ca = own
[own]
new_certs_dir = ${folder}
database = ${at(`${by}.index`)}
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = extensions
[any]
commonName = supplied
[extensions]
${extension}
`,
  );
  const date = (days: number): string =>
    `${new Date(Date.now() + days * day).toISOString().replaceAll(/[-:T]|\.\d+/g, "")}`;
  openssl(
    ...["ca", "-batch", "-notext", "-config", at(`${by}.cnf`), "-cert", at(`${by}.pem`), "-keyfile", at(`${by}.key`)],
    ...["-startdate", date(from), "-enddate", date(until), "-in", at(`${who}.csr`), "-out", at(`${who}.pem`)],
  );
}

function openssl(...words: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(["openssl", ...words]);
  if (exitCode !== 0) throw new Error(`openssl ${words.join(" ")}\n${stderr}`);
}
