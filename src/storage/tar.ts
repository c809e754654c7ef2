/** As much of the tar format (POSIX ustar) as a few plain files need. Pure. */

const block = 512;

/** What stands before a file's bytes. */
export function tarHeader(name: string, size: number, mtime: number): Uint8Array {
  const header = Buffer.alloc(block);
  const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, "0");
  header.write(name, 0, 100);
  header.write(octal(0o600, 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  // Eleven digits reach to 8 GiB; GNU's way for more is the number itself, marked by the first bit.
  if (size < 8 ** 11) header.write(octal(size, 11), 124);
  else {
    header.writeBigUInt64BE(BigInt(size), 128);
    header[124] = 0x80;
  }
  header.write(octal(Math.floor(mtime / 1000), 11), 136);
  header.write("0", 156);
  header.write("ustar\u000000", 257);
  header.fill(0x20, 148, 156);
  header.write(`${octal(sumOf(header), 6)}\0 `, 148);
  return header;
}

/** What fills a file's last block up. */
export function tarPadding(size: number): Uint8Array {
  return new Uint8Array((block - (size % block)) % block);
}

/** What ends the whole. */
export const tarEnd: Uint8Array = new Uint8Array(2 * block);

export interface TarEntry {
  readonly name: string;
  readonly size: number;
  /** Where its bytes begin, and where the next header stands. */
  readonly start: number;
  readonly next: number;
}

/** The file whose header stands at `at`; nothing at the end. Throws when there is no header. */
export function readTarHeader(header: Uint8Array, at: number): TarEntry | undefined {
  const bytes = Buffer.from(header.buffer, header.byteOffset, header.byteLength);
  if (bytes.length >= block && bytes.every((byte) => byte === 0)) return undefined;
  const told = Number.parseInt(bytes.toString("latin1", 148, 156), 8);
  const blank = Buffer.from(bytes);
  blank.fill(0x20, 148, 156);
  if (bytes.length < block || told !== sumOf(blank)) throw new Error("it is no tar file, or it is cut or damaged");
  const name = bytes.toString("utf8", 0, bytes.indexOf(0));
  const large = ((bytes[124] ?? 0) & 0x80) !== 0;
  const size = large ? Number(bytes.readBigUInt64BE(128)) : Number.parseInt(bytes.toString("latin1", 124, 136), 8);
  const start = at + block;
  return { name, size, start, next: start + Math.ceil(size / block) * block };
}

function sumOf(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum + byte, 0);
}
