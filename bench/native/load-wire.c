// What the load client understands: the answer to its request, WebSocket frames, and the `seq` and `ts` of publications
// in whatever came.
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

static const char accepted[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
enum { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

static int is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

// ── Publications ──

static void note_seq(Peer *peer, const uint8_t *begin, const uint8_t *ts) {
  const uint8_t *p = ts - 1;
  uint64_t seq = 0, unit = 1;
  if (p < begin || *p != ',') return;
  for (p--; p >= begin && is_digit(*p); p--, unit *= 10) seq += (uint64_t)(*p - '0') * unit;
  if (peer->last_seq != 0 && seq <= peer->last_seq) counts.repeats++;
  else if (peer->last_seq != 0 && seq != peer->last_seq + 1) counts.gaps++;
  if (seq > peer->last_seq) peer->last_seq = seq;
}

static void note_latency(const uint8_t *number, const uint8_t *end) {
  static uint64_t sampled = 0;
  if (!in_window || sampled++ % (uint64_t)options.every != 0) return;
  uint64_t ts = 0;
  for (; number < end && is_digit(*number); number++) ts = ts * 10 + (uint64_t)(*number - '0');
  if (ts > 0) histogram_add(&latency, read_at > ts ? read_at - ts : 0);
}

void count_publications(Peer *peer, const uint8_t *text, size_t length) {
  static size_t hint = 0;
  const uint8_t *end = text + length, *at;
  if (hint + 5 <= length && memcmp(text + hint, "\"ts\":", 5) == 0) {
    at = text + hint;
  } else {
    at = memmem(text, length, "\"ts\":", 5);
    if (at != NULL) hint = (size_t)(at - text);
  }
  while (at != NULL) {
    peer->received++;
    counts.publications++;
    if (options.check) note_seq(peer, text, at);
    note_latency(at + 5, end);
    at = options.joined ? memmem(at + 5, (size_t)(end - at - 5), "\"ts\":", 5) : NULL;
  }
}

// ── Sending ──

static void send_all(Peer *peer, const void *bytes, size_t length) {
  size_t at = 0;
  for (int tries = 0; at < length && tries < 1000;) {
    ssize_t n = send(peer->fd, (const uint8_t *)bytes + at, length - at, MSG_NOSIGNAL);
    if (n > 0) {
      at += (size_t)n;
    } else if (errno == EAGAIN) {
      tries++;
      nap_us(100);
    } else {
      break;
    }
  }
  if (at < length) counts.protocol_errors++;
}

static void send_frame(Peer *peer, int opcode, const uint8_t *payload, size_t length) {
  static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};
  static uint8_t frame[65536 + 8];
  if (length > 65535) return;
  size_t at = 2;
  frame[0] = (uint8_t)(0x80 | opcode);
  if (length < 126) {
    frame[1] = (uint8_t)(0x80 | length);
  } else {
    frame[1] = 0x80 | 126;
    frame[2] = (uint8_t)(length >> 8);
    frame[3] = (uint8_t)length;
    at = 4;
  }
  memcpy(frame + at, mask, 4);
  at += 4;
  for (size_t i = 0; i < length; i++) frame[at + i] = payload[i] ^ mask[i & 3];
  send_all(peer, frame, at + length);
}

void send_request(Peer *peer, const char *cursor, size_t cursor_length) {
  char request[8192];
  send_all(peer, request, fill_in(request, sizeof request, options.request, peer, cursor, cursor_length));
}

static void send_messages(Peer *peer) {
  const char *line = options.messages;
  while (line != NULL && *line != '\0') {
    const char *end = strchrnul(line, '\n');
    char template[4096], text[8192];
    snprintf(template, sizeof template, "%.*s", (int)(end - line), line);
    send_frame(peer, TEXT, (uint8_t *)text, fill_in(text, sizeof text, template, peer, "", 0));
    line = *end == '\n' ? end + 1 : end;
  }
}

// ── WebSocket ──

static void is_open(Peer *peer) {
  peer->state = OPEN;
  counts.opened++;
}

// Whether one of the lines begins so.
static int has_line(const uint8_t *text, size_t length, const char *prefix) {
  size_t wanted = strlen(prefix);
  for (const uint8_t *line = text, *end = text + length; line != NULL && (size_t)(end - line) >= wanted;) {
    if (memcmp(line, prefix, wanted) == 0) return 1;
    line = memchr(line, '\n', (size_t)(end - line));
    if (line != NULL) line++;
  }
  return 0;
}

static void take_text(Peer *peer, const uint8_t *text, size_t length) {
  counts.frames++;
  counts.frame_bytes += length + (length < 126 ? 2 : length < 65536 ? 4 : 10);
  if (peer->state == GREETING && has_line(text, length, options.ready)) is_open(peer);
  // So does Centrifuge, whose own frames of a turn come first in what is joined.
  if (length >= 2 && text[0] == '{' && text[1] == '}') send_frame(peer, TEXT, (const uint8_t *)"{}", 2);
  // Engine.IO asks for a sign of life in a text frame of its own.
  if (length == 1 && text[0] == '2') send_frame(peer, TEXT, (const uint8_t *)"3", 1);
  count_publications(peer, text, length);
}

// Takes whole frames and tells how many bytes they were.
static size_t take_frames(Peer *peer, const uint8_t *bytes, size_t length) {
  size_t at = 0;
  while (length - at >= 2) {
    const uint8_t *frame = bytes + at;
    size_t header = 2;
    uint64_t size = frame[1] & 127;
    if (frame[1] & 0x80) {
      counts.protocol_errors++;
      drop(peer);
      return length;
    }
    if (size == 126) {
      if (length - at < 4) break;
      size = (uint64_t)frame[2] << 8 | frame[3];
      header = 4;
    } else if (size == 127) {
      if (length - at < 10) break;
      size = 0;
      for (int i = 0; i < 8; i++) size = size << 8 | frame[2 + i];
      header = 10;
    }
    if (length - at < header + size) break;
    const uint8_t *payload = frame + header;
    int opcode = frame[0] & 15;
    if (opcode == TEXT || opcode == BINARY) {
      take_text(peer, payload, size);
    } else if (opcode == PING) {
      counts.pings++;
      send_frame(peer, PONG, payload, size);
    } else if (opcode == CLOSE) {
      counts.closes++;
      send_frame(peer, CLOSE, payload, size > 2 ? 2 : size);
      drop(peer);
      return length;
    } else if (opcode != PONG) {
      counts.protocol_errors++;
    }
    at += header + size;
  }
  return at;
}

// ── The answer to the request ──

static size_t take_head(Peer *peer, uint8_t *bytes, size_t length) {
  uint8_t *end = memmem(bytes, length, "\r\n\r\n", 4);
  if (end == NULL) return 0;
  size_t head = (size_t)(end - bytes) + 2;
  const char *wanted = options.mode == WEBSOCKET ? "HTTP/1.1 101" : "HTTP/1.1 200";
  if (memcmp(bytes, wanted, 12) != 0) {
    if (counts.refused++ < 2) fprintf(stderr, "refused: %.*s\n", (int)(length > 300 ? 300 : length), bytes);
    drop(peer);
  } else if (options.mode == WEBSOCKET && memmem(bytes, head, accepted, sizeof accepted - 1) == NULL) {
    counts.bad_accept++;
    drop(peer);
  } else if (options.mode == WEBSOCKET) {
    peer->state = GREETING;
    if (options.ready == NULL) is_open(peer);
    send_messages(peer);
  } else {
    begin_body(peer, (char *)bytes, head);
    peer->state = OPEN;
    if (options.mode == SSE) counts.opened++;
  }
  return head + 2;
}

void take_bytes(Peer *peer, uint8_t *bytes, size_t length) {
  size_t at = 0;
  if (peer->state == HANDSHAKE) {
    at = take_head(peer, bytes, length);
    if (peer->state == OPEN || peer->state == GREETING) release(&peer->raw);
  }
  if (peer->state == OPEN || peer->state == GREETING) {
    if (options.mode == WEBSOCKET) at += take_frames(peer, bytes + at, length - at);
    else at += take_http(peer, bytes + at, length - at);
  }
  if (peer->state == CLOSED) return;
  peer->raw.length = 0;
  if (at < length) keep(&peer->raw, bytes + at, length - at);
}
