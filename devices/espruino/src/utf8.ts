/** Text and its UTF-8, whose bytes are characters 0 to 255 of a string. */

export const char = String.fromCharCode;
/** Most boards keep a character in one byte: `?` stands there for what has no place in it. */
const wide = char(8364).charCodeAt(0) > 255;

export function toUtf8(text: string): string {
  const start = beyondAscii(text);
  let bytes = text.substr(0, start);
  for (let i = start; i < text.length; i++) bytes += encoded(text.charCodeAt(i));
  return bytes;
}

/** Bytes that are no UTF-8 stay what they are, so the Latin-1 of other boards can be read too. */
export function fromUtf8(bytes: string): string {
  let i = beyondAscii(bytes);
  let text = bytes.substr(0, i);
  while (i < bytes.length) {
    let code = bytes.charCodeAt(i++);
    const more = code < 192 || code > 247 ? 0 : code < 224 ? 1 : code < 240 ? 2 : 3;
    if (more > 0) {
      let point = code & (63 >> more);
      let seen = 0;
      while (seen < more && (bytes.charCodeAt(i + seen) & 192) === 128) {
        point = (point << 6) | (bytes.charCodeAt(i + seen++) & 63);
      }
      if (seen === more) {
        i += more;
        code = point > 255 && !wide ? 63 : point;
      }
    }
    text += char(code);
  }
  return text;
}

/** Most texts have nothing beyond ASCII, and are done when that is known. */
function beyondAscii(text: string): number {
  let i = 0;
  while (i < text.length && text.charCodeAt(i) < 128) i++;
  return i;
}

function encoded(code: number): string {
  if (code < 128) return char(code);
  let left = code;
  let tail = "";
  // How much the first byte has room for: less with every byte that follows it.
  let room = 63;
  while (left > room) {
    tail = char(128 | (left & 63)) + tail;
    left >>= 6;
    room >>= 1;
  }
  return char((254 - 2 * room) | left) + tail;
}
