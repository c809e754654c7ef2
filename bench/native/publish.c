// The publisher: commands into a Unix socket (JSON, one per line, answered `OK` or `ERR`), POSTs over HTTP, or batches of
// Centrifugo's server API (one connection, one request after the other), as fast as they are answered or at a pace.
//
// publish unix SOCKET [options]      publish http PORT [options]      publish api PORT [options]
//   -t SECONDS           how long            --count N         how many at most
//   --channel NAME       one channel, or a name with one `%d` spread over --channels N, at random or --in-turn 1
//   --batch N            commands in one write; the next batch when at most --window batches are unanswered
//   --pace N             batches per second; 0: as fast as they are answered
//   --connections N      of HTTP, each with one unanswered request
//   --data BYTES         length of `data`    --key KEY         of the server API
//   --progress FILE --fanout N --ahead N   not more than so many deliveries ahead of the load client
//
// It prints `{"ev":"published","sent","ok","err","secs","per_s"}` when everything is answered.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common.h"

static double seconds = 5, pace = 0;
static const char *channel = "bench", *key = "", *progress_file = NULL;
static int channels = 1, in_turn = 0, batch = 1, window = 1, connections = 32;
static uint64_t most = UINT64_MAX, fanout = 1, ahead = UINT64_MAX / 4;
static size_t data_length = 48;
static uint64_t sent = 0, ok = 0, refused = 0, begin, end;
static volatile uint64_t *received;
static volatile sig_atomic_t stopped = 0;

enum { ANSWER_LIMIT_US = 10000000 };

static void on_signal(int signal) {
  (void)signal;
  stopped = 1;
}

static uint64_t next_random(void) {
  static uint64_t state = 88172645463325252u;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static char *put_channel(char *out) {
  const char *number = strstr(channel, "%d");
  if (number == NULL) return put_text(out, channel);
  memcpy(out, channel, (size_t)(number - channel));
  uint64_t which = in_turn ? sent : next_random();
  out = put_number(out + (number - channel), which % (uint64_t)channels);
  return put_text(out, number + 2);
}

static int running(void) { return !stopped && sent < most && now_us() < end; }

// Waits while the load client is too far behind.
static void let_subscribers_catch_up(void) {
  while (running() && sent * fanout > *received + ahead) nap_us(30);
}

static void wait_for_pace(uint64_t turns) {
  if (pace <= 0) return;
  int64_t left = (int64_t)(begin + (uint64_t)((double)turns * 1e6 / pace)) - (int64_t)now_us();
  if (left > 0) nap_us(left);
}

// ── Unix socket ──

static int connect_unix(const char *path) {
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  if (connect(fd, (void *)&address, sizeof address) != 0) die(path);
  return fd;
}

static size_t put_commands(char *out) {
  char *at = out;
  for (int i = 0; i < batch; i++) {
    at = put_text(at, "{\"action\":\"sendToChannel\",\"channel\":\"");
    at = put_channel(at);
    at = put_text(at, "\",\"data\":");
    at = put_data(at, ++sent, now_us(), data_length);
    at = put_text(at, "}\n");
  }
  return (size_t)(at - out);
}

// Takes the answers that are there, waiting up to `timeout` ms for one. False when the peer has gone.
static int take_answers(int fd, int timeout) {
  char bytes[65536];
  struct pollfd in = {.fd = fd, .events = POLLIN};
  if (poll(&in, 1, timeout) <= 0) return 1;
  ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN) return 1;
  if (n <= 0) return 0;
  for (ssize_t i = 0; i < n; i++) {
    if (bytes[i] == 'K') ok++;
    else if (bytes[i] == 'E') refused++;
  }
  return 1;
}

static int write_commands(int fd, const char *bytes, size_t length) {
  for (size_t at = 0; at < length;) {
    ssize_t n = send(fd, bytes + at, length - at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      at += (size_t)n;
    } else if (errno == EAGAIN) {
      struct pollfd out = {.fd = fd, .events = POLLIN | POLLOUT};
      poll(&out, 1, 100);
      if (!take_answers(fd, 0)) return 0;
    } else {
      return 0;
    }
  }
  return 1;
}

static void publish_unix(const char *path) {
  int fd = connect_unix(path), there = 1;
  char *bytes = malloc((size_t)batch * (data_length + 512));
  uint64_t allowed = (uint64_t)batch * (uint64_t)window;
  for (uint64_t turns = 0; there && running(); turns++) {
    wait_for_pace(turns);
    let_subscribers_catch_up();
    if (!running()) break;
    there = write_commands(fd, bytes, put_commands(bytes));
    while (there && running() && sent - ok - refused + (uint64_t)batch > allowed) there = take_answers(fd, 100);
  }
  end = now_us();
  while (there && ok + refused < sent && now_us() < end + ANSWER_LIMIT_US) there = take_answers(fd, 100);
  close(fd);
}

// ── HTTP ──

typedef struct {
  int fd;
  int pending;
} Connection;

static int connect_tcp(int port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (void *)&address, sizeof address) != 0) die("Cannot connect");
  return fd;
}

static void post(Connection *to, int port) {
  char request[4096], body[2560], *at = request, *tail = put_data(body, ++sent, now_us(), data_length);
  at = put_text(at, "POST /channels/");
  at = put_channel(at);
  at = put_text(at, " HTTP/1.1\r\nHost: 127.0.0.1:");
  at = put_number(at, (uint64_t)port);
  at = put_text(at, "\r\nContent-Type: application/json\r\nContent-Length: ");
  at = put_number(at, (uint64_t)(tail - body));
  at = put_text(at, "\r\n\r\n");
  memcpy(at, body, (size_t)(tail - body));
  at += tail - body;
  to->pending = send(to->fd, request, (size_t)(at - request), MSG_NOSIGNAL) == at - request;
}

// Takes one answer, which is small enough to come whole. False when the peer has gone.
static int take_answer(Connection *from) {
  char bytes[8192];
  ssize_t n = recv(from->fd, bytes, sizeof bytes - 1, 0);
  from->pending = 0;
  if (n <= 0) return 0;
  bytes[n] = '\0';
  if (n > 12 && bytes[9] == '2') ok++;
  else if (refused++ < 2) fprintf(stderr, "refused: %.300s\n", bytes);
  return 1;
}

static void publish_http(int port) {
  int epoll = epoll_create1(0), alive = connections;
  Connection *all = calloc((size_t)connections, sizeof *all);
  for (int i = 0; i < connections; i++) {
    all[i].fd = connect_tcp(port);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
    epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &event);
  }
  begin = now_us();
  end = begin + (uint64_t)(seconds * 1e6);
  for (int i = 0; i < connections && running(); i++) post(&all[i], port);
  uint64_t limit = end + ANSWER_LIMIT_US;
  while (alive > 0 && now_us() < limit && (running() || ok + refused < sent)) {
    struct epoll_event events[256];
    int n = epoll_wait(epoll, events, 256, 100);
    for (int i = 0; i < n; i++) {
      Connection *one = &all[events[i].data.u32];
      if (!take_answer(one)) {
        alive--;
        close(one->fd);
        continue;
      }
      let_subscribers_catch_up();
      if (running()) post(one, port);
    }
  }
  end = now_us();
}

// ── Server API ──

// The commands of a batch, as `POST /api/batch` takes them.
static size_t put_batch(char *out) {
  char *at = put_text(out, "{\"parallel\":false,\"commands\":[");
  for (int i = 0; i < batch; i++) {
    at = put_text(at, i > 0 ? ",{\"publish\":{\"channel\":\"" : "{\"publish\":{\"channel\":\"");
    at = put_channel(at);
    at = put_text(at, "\",\"data\":");
    at = put_data(at, ++sent, now_us(), data_length);
    at = put_text(at, "}}");
  }
  return (size_t)(put_text(at, "]}") - out);
}

// Reads a whole answer and counts what was done and what was not. False when the peer has gone.
static int take_replies(int fd, char *bytes, size_t room) {
  size_t length = 0, whole = 0;
  while (whole == 0 || length < whole) {
    ssize_t n = recv(fd, bytes + length, room - length - 1, 0);
    if (n <= 0) return 0;
    bytes[length += (size_t)n] = '\0';
    const char *body = strstr(bytes, "\r\n\r\n"), *size = strcasestr(bytes, "\r\ncontent-length:");
    if (body == NULL) continue;
    if (size == NULL || size > body) usage("Cannot read an answer of the server API without its length");
    whole = (size_t)(body + 4 - bytes) + strtoull(size + 17, NULL, 10);
  }
  for (const char *p = bytes; (p = strstr(p, "\"offset\"")) != NULL; p++) ok++;
  for (const char *p = bytes; (p = strstr(p, "\"error\"")) != NULL; p++) refused++;
  if (strstr(bytes, "\"error\"") != NULL && refused < 3) fprintf(stderr, "refused: %.300s\n", bytes);
  return 1;
}

static void publish_api(int port) {
  int fd = connect_tcp(port), there = 1;
  size_t room = (size_t)batch * (data_length + 512) + 4096;
  char *body = malloc(room), *bytes = malloc(room), head[512];
  for (uint64_t turns = 0; there && running(); turns++) {
    wait_for_pace(turns);
    let_subscribers_catch_up();
    if (!running()) break;
    size_t length = put_batch(body);
    int at = sprintf(head,
                     "POST /api/batch HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
                     "X-API-Key: %.99s\r\nContent-Length: %zu\r\n\r\n",
                     port, key, length);
    there = send(fd, head, (size_t)at, MSG_NOSIGNAL | MSG_MORE) == at && write_commands(fd, body, length) &&
            take_replies(fd, bytes, room);
  }
  end = now_us();
  close(fd);
}

// ── Options ──

static void parse_options(int count, char **texts) {
  for (int i = 3; i + 1 < count; i += 2) {
    const char *option = texts[i], *value = texts[i + 1];
    if (!strcmp(option, "-t")) seconds = atof(value);
    else if (!strcmp(option, "--count")) most = strtoull(value, NULL, 10);
    else if (!strcmp(option, "--channel")) channel = value;
    else if (!strcmp(option, "--channels")) channels = atoi(value);
    else if (!strcmp(option, "--in-turn")) in_turn = atoi(value);
    else if (!strcmp(option, "--batch")) batch = atoi(value);
    else if (!strcmp(option, "--window")) window = atoi(value);
    else if (!strcmp(option, "--pace")) pace = atof(value);
    else if (!strcmp(option, "--connections")) connections = atoi(value);
    else if (!strcmp(option, "--data")) data_length = (size_t)atoi(value);
    else if (!strcmp(option, "--key")) key = value;
    else if (!strcmp(option, "--progress")) progress_file = value;
    else if (!strcmp(option, "--fanout")) fanout = strtoull(value, NULL, 10);
    else if (!strcmp(option, "--ahead")) ahead = strtoull(value, NULL, 10);
    else usage("Unknown option");
  }
  if (data_length > 2000 || strlen(channel) > 255) usage("--data is at most 2000 and --channel at most 255 bytes");
}

int main(int count, char **texts) {
  if (count < 3) usage("publish unix SOCKET | publish http PORT | publish api PORT");
  parse_options(count, texts);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGINT, on_signal);
  signal(SIGTERM, on_signal);
  prepare_process(SIGTERM);
  received = map_progress(progress_file);
  begin = now_us();
  end = begin + (uint64_t)(seconds * 1e6);
  if (!strcmp(texts[1], "unix")) publish_unix(texts[2]);
  else if (!strcmp(texts[1], "api")) publish_api(atoi(texts[2]));
  else publish_http(atoi(texts[2]));
  double duration = (double)(end - begin) / 1e6;
  printf("{\"ev\":\"published\",\"sent\":%lu,\"ok\":%lu,\"err\":%lu,\"secs\":%.4f,\"per_s\":%.0f}\n", sent, ok, refused,
         duration, (double)sent / duration);
  return 0;
}
