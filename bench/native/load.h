// The load client's connections and what is counted on them. `load.c` runs them, `load-wire.c` understands the bytes.
#ifndef HEARTHWIRE_BENCH_LOAD_H
#define HEARTHWIRE_BENCH_LOAD_H

#include <stddef.h>

#include "common.h"
#include "histogram.h"

typedef enum { WEBSOCKET, SSE, POLL } Mode;
typedef enum { UNUSED, CONNECTING, HANDSHAKE, GREETING, OPEN, CLOSED } State;
typedef enum { TO_LENGTH, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, LAST_CHUNK, TO_CLOSE } Body;

// Bytes that wait for the rest of their frame, line or body.
typedef struct {
  uint8_t *bytes;
  uint32_t length, capacity;
} Carry;

typedef struct {
  int fd;
  uint8_t state, body;
  Carry raw, text;
  uint64_t body_left;
  uint64_t received;
  uint64_t last_seq;
} Peer;

typedef struct {
  Mode mode;
  int joined;         // a message may hold several publications
  int check;          // every connection must get `seq` one by one
  int every;          // of so many publications the latency of one is noted
  int number_offset;  // `%d` in texts is this and the connection's number
  const char *messages, *ready;
  char request[4096];
} Options;

typedef struct {
  uint64_t publications, frames, frame_bytes, bytes, reads;
  uint64_t pings, closes, protocol_errors, gaps, repeats;
  uint64_t answers;
  int opened, failed, closed, refused, bad_accept;
} Counts;

extern Options options;
extern Counts counts;
extern Histogram latency;
extern Peer *peers;
extern int in_window;
extern uint64_t read_at;

// Takes what was read: everything of the connection that no earlier call has consumed, then the new bytes.
void take_bytes(Peer *peer, uint8_t *bytes, size_t length);
// Reads from the head of a response how its body ends.
void begin_body(Peer *peer, const char *head, size_t length);
// Takes what can be taken of a body and tells how many bytes that were.
size_t take_http(Peer *peer, const uint8_t *bytes, size_t length);
// Counts the publications in a text by their member `ts`: the first one, or all where texts are joined.
void count_publications(Peer *peer, const uint8_t *text, size_t length);
// Ends the connection without leaving it in TIME_WAIT.
void drop(Peer *peer);
void keep(Carry *carry, const uint8_t *bytes, size_t length);
void release(Carry *carry);
// Puts a template into `out` with `%d` as the connection's number and `%c` as the cursor.
size_t fill_in(char *out, size_t room, const char *template, const Peer *peer, const char *cursor, size_t cursor_length);
void send_request(Peer *peer, const char *cursor, size_t cursor_length);

#endif
