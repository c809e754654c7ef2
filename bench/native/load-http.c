// HTTP bodies as the load client understands them: plain and chunked, with SSE lines or whole poll answers in them.
#define _GNU_SOURCE
#include <string.h>

#include "load.h"

static void take_lines(Peer *peer, const uint8_t *text, size_t length) {
  Carry *carry = &peer->text;
  while (length > 0) {
    const uint8_t *newline = memchr(text, '\n', length);
    if (newline == NULL) {
      keep(carry, text, length);
      return;
    }
    size_t n = (size_t)(newline - text);
    const uint8_t *line = text;
    size_t line_length = n;
    if (carry->length > 0) {
      keep(carry, text, n);
      line = carry->bytes;
      line_length = carry->length;
    }
    if (line_length >= 5 && memcmp(line, "data:", 5) == 0) {
      counts.frames++;
      counts.frame_bytes += line_length + 1;
      count_publications(peer, line, line_length);
    }
    carry->length = 0;
    text += n + 1;
    length -= n + 1;
  }
}

// A whole poll answer: counts it and asks again with its cursor.
static void take_answer(Peer *peer) {
  Carry *carry = &peer->text;
  counts.answers++;
  count_publications(peer, carry->bytes, carry->length);
  static const char member[] = "\"cursor\":\"";
  const uint8_t *cursor = NULL, *end = carry->bytes + carry->length;
  for (const uint8_t *p = carry->bytes; (p = memmem(p, (size_t)(end - p), member, sizeof member - 1)) != NULL;) {
    p += sizeof member - 1;
    cursor = p;
  }
  const uint8_t *quote = cursor == NULL ? NULL : memchr(cursor, '"', (size_t)(end - cursor));
  if (quote == NULL) {
    counts.protocol_errors++;
    drop(peer);
    return;
  }
  peer->state = HANDSHAKE;
  send_request(peer, (const char *)cursor, (size_t)(quote - cursor));
  carry->length = 0;
}

static void take_body(Peer *peer, const uint8_t *bytes, size_t length) {
  if (options.mode == SSE) take_lines(peer, bytes, length);
  else keep(&peer->text, bytes, length);
}

size_t take_http(Peer *peer, const uint8_t *bytes, size_t length) {
  size_t at = 0;
  while (at < length || (peer->body == TO_LENGTH && peer->body_left == 0)) {
    const uint8_t *p = bytes + at;
    size_t left = length - at;
    size_t part = peer->body_left < left ? (size_t)peer->body_left : left;
    switch (peer->body) {
      case TO_CLOSE:
        take_body(peer, p, left);
        return length;
      case TO_LENGTH:
      case CHUNK_DATA:
        take_body(peer, p, part);
        at += part;
        peer->body_left -= part;
        if (peer->body_left > 0) return at;
        if (peer->body == CHUNK_DATA) {
          peer->body = CHUNK_END;
          continue;
        }
        if (options.mode == POLL) take_answer(peer);
        else drop(peer);
        return at;
      case CHUNK_SIZE: {
        const uint8_t *newline = memchr(p, '\n', left);
        if (newline == NULL) return at;
        peer->body_left = strtoull((const char *)p, NULL, 16);
        peer->body = peer->body_left > 0 ? CHUNK_DATA : LAST_CHUNK;
        at += (size_t)(newline - p) + 1;
        continue;
      }
      default:
        if (left < 2) return at;
        at += 2;
        if (peer->body == CHUNK_END) {
          peer->body = CHUNK_SIZE;
          continue;
        }
        if (options.mode == POLL) take_answer(peer);
        else drop(peer);
        return at;
    }
  }
  return at;
}

void begin_body(Peer *peer, const char *head, size_t length) {
  char text[4096];
  snprintf(text, sizeof text, "%.*s", (int)length, head);
  const char *size = strcasestr(text, "\r\ncontent-length:");
  peer->body = strcasestr(text, "\r\ntransfer-encoding: chunked") ? CHUNK_SIZE : size ? TO_LENGTH : TO_CLOSE;
  peer->body_left = size ? strtoull(size + 17, NULL, 10) : 0;
}
