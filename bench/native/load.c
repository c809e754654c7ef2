// The load client: many subscribers in one thread, by WebSocket, SSE or long-poll. It counts publications by their member
// `ts`, per connection and in all, and notes their latency. Loopback only.
//
// load -p PORT -u PATH -n CONNECTIONS [--mode ws|sse|poll] [-t SECONDS] [--settle S] [--linger S] [--expect TOTAL]
//      [-m MESSAGES] [--ready PREFIX] [--header LINES] [--cursor TEXT] [--joined] [--check] [--every N]
//      [--inflight N] [--offset N] [--progress FILE] [--control]
//
// `%d` in PATH and MESSAGES is the connection's number, `%c` in PATH the cursor of a poll. It prints one JSON line each:
// `connected`; after the settling time `window`; after SECONDS (or, with --control, a line on stdin) `measured`; when it
// has been quiet for a quarter of a second, EXPECT publications have come or the linger is over, `result`. With --control
// it then holds its connections until stdin ends.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

Options options = {.every = 1};
Counts counts;
Histogram latency;
Peer *peers;
int in_window = 0;
uint64_t read_at;

enum { READ_SIZE = 1 << 18 };

static int port = 8642, connections = 1, in_flight = 256, control = 0;
static double seconds = 5, settle = 0.5, linger = 2, connect_limit = 60;
static uint64_t expected = 0;
static const char *path = "/", *headers = "", *cursor = "", *progress_file = NULL;
static int epoll;
static volatile uint64_t *progress;
static volatile sig_atomic_t stopped = 0;

static void on_signal(int signal) {
  (void)signal;
  stopped = 1;
}

void keep(Carry *carry, const uint8_t *bytes, size_t length) {
  size_t needed = carry->length + length;
  if (needed > carry->capacity) {
    carry->capacity = (uint32_t)(needed < 512 ? 512 : needed * 2);
    carry->bytes = realloc(carry->bytes, carry->capacity);
  }
  memcpy(carry->bytes + carry->length, bytes, length);
  carry->length += (uint32_t)length;
}

void release(Carry *carry) {
  free(carry->bytes);
  *carry = (Carry){0};
}

void drop(Peer *peer) {
  if (peer->state == OPEN) counts.closed++;
  else counts.failed++;
  peer->state = CLOSED;
  struct linger reset = {1, 0};
  setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close(peer->fd);
  peer->fd = -1;
}

size_t fill_in(char *out, size_t room, const char *template, const Peer *peer, const char *text, size_t text_length) {
  size_t at = 0;
  for (const char *p = template; *p != '\0' && at + 32 < room; p++) {
    if (p[0] == '%' && p[1] == 'd') {
      at += (size_t)sprintf(out + at, "%d", options.number_offset + (int)(peer - peers));
      p++;
    } else if (p[0] == '%' && p[1] == 'c' && at + text_length + 32 < room) {
      memcpy(out + at, text, text_length);
      at += text_length;
      p++;
    } else {
      out[at++] = *p;
    }
  }
  return at;
}

// ── Connections ──

static void start(Peer *peer) {
  peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (peer->fd < 0) die("Cannot open a socket");
  int one = 1;
  setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  peer->state = CONNECTING;
  if (connect(peer->fd, (void *)&address, sizeof address) != 0 && errno != EINPROGRESS) {
    drop(peer);
    return;
  }
  struct epoll_event event = {.events = EPOLLOUT, .data.u32 = (uint32_t)(peer - peers)};
  epoll_ctl(epoll, EPOLL_CTL_ADD, peer->fd, &event);
}

static void connected(Peer *peer) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(peer->fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    if (counts.failed < 2) fprintf(stderr, "connect: %s\n", strerror(error));
    drop(peer);
    return;
  }
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)(peer - peers)};
  epoll_ctl(epoll, EPOLL_CTL_MOD, peer->fd, &event);
  peer->state = HANDSHAKE;
  send_request(peer, cursor, strlen(cursor));
  // A poll is subscribed by waiting: nothing answers until there is something.
  if (options.mode == POLL) counts.opened++;
}

static void read_from(Peer *peer) {
  static uint8_t *buffer = NULL;
  static size_t capacity = 0;
  for (int times = 0; times < 4; times++) {
    size_t before = peer->raw.length;
    if (before + READ_SIZE > capacity) {
      capacity = before + READ_SIZE;
      buffer = realloc(buffer, capacity);
    }
    if (before > 0) memcpy(buffer, peer->raw.bytes, before);
    ssize_t n = recv(peer->fd, buffer + before, READ_SIZE, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
      drop(peer);
      return;
    }
    counts.reads++;
    counts.bytes += (uint64_t)n;
    read_at = now_us();
    take_bytes(peer, buffer, before + (size_t)n);
    if (peer->state == CLOSED || n < READ_SIZE) return;
  }
}

static void turn(int timeout) {
  static struct epoll_event events[1024];
  int n = epoll_wait(epoll, events, 1024, timeout);
  for (int i = 0; i < n; i++) {
    Peer *peer = &peers[events[i].data.u32];
    if (peer->state == CONNECTING) connected(peer);
    else if (peer->state != CLOSED) read_from(peer);
  }
  if (progress_file != NULL) *progress = counts.publications;
}

static double connect_all(void) {
  uint64_t begin = now_us();
  int started = 0;
  while (counts.opened + counts.failed < connections && !stopped) {
    if (now_us() - begin > (uint64_t)(connect_limit * 1e6)) break;
    while (started < connections && started - counts.opened - counts.failed < in_flight) start(&peers[started++]);
    turn(10);
  }
  return (double)(now_us() - begin) / 1e6;
}

// ── Phases ──

// What came on stdin: 1 for a line, -1 for its end, 0 for nothing.
static int control_word(void) {
  struct pollfd in = {.fd = 0, .events = POLLIN};
  char text[256];
  if (!control || poll(&in, 1, 0) <= 0) return 0;
  if (read(0, text, sizeof text) > 0) return 1;
  stopped = 1;
  return -1;
}

static void run_for(double duration) {
  uint64_t end = now_us() + (uint64_t)(duration * 1e6);
  while (now_us() < end && !stopped) turn(5);
}

static void run_window(void) {
  uint64_t end = now_us() + (uint64_t)(seconds * 1e6);
  while (now_us() < end && !stopped && control_word() == 0) turn(5);
}

static void run_until_quiet(void) {
  uint64_t end = now_us() + (uint64_t)(linger * 1e6), last = now_us(), seen = counts.bytes;
  while (now_us() < end && !stopped && (expected == 0 || counts.publications < expected)) {
    turn(5);
    if (counts.bytes != seen) last = now_us();
    seen = counts.bytes;
    if (expected == 0 && now_us() - last > 250000) break;
  }
}

static int by_value(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void report(const Counts *from, const Counts *to, double duration, double cpu) {
  uint64_t *each = malloc((size_t)connections * sizeof *each), total = 0;
  for (int i = 0; i < connections; i++) total += each[i] = peers[i].received;
  qsort(each, (size_t)connections, sizeof *each, by_value);
  uint64_t frames = to->frames - from->frames;
  printf("{\"ev\":\"result\",\"secs\":%.4f,\"publications\":%lu,\"per_s\":%.0f,\"frames\":%lu,\"frame_bytes\":%.1f,",
         duration, to->publications - from->publications, (double)(to->publications - from->publications) / duration,
         frames, frames > 0 ? (double)(to->frame_bytes - from->frame_bytes) / (double)frames : 0);
  printf("\"reads_s\":%.0f,\"client_cpu\":%.3f,", (double)(to->reads - from->reads) / duration, cpu / duration);
  printf("\"total\":%lu,\"each_min\":%lu,\"each_max\":%lu,\"gaps\":%lu,\"repeats\":%lu,\"answers\":%lu,", total, each[0],
         each[connections - 1], counts.gaps, counts.repeats, counts.answers);
  printf("\"pings\":%lu,\"closes\":%lu,\"closed\":%d,\"failed\":%d,\"protocol_errors\":%lu,", counts.pings, counts.closes,
         counts.closed, counts.failed, counts.protocol_errors);
  printf("\"latency_n\":%lu,\"latency_mean\":%.0f,\"p50\":%lu,\"p90\":%lu,\"p99\":%lu,\"p999\":%lu,\"max\":%lu}\n",
         latency.count, latency.count > 0 ? latency.sum / (double)latency.count : 0, histogram_quantile(&latency, 0.5),
         histogram_quantile(&latency, 0.9), histogram_quantile(&latency, 0.99), histogram_quantile(&latency, 0.999),
         latency.max);
  fflush(stdout);
  free(each);
}

// ── Options ──

static void parse_options(int count, char **texts) {
  for (int i = 1; i < count; i++) {
    const char *option = texts[i];
    if (!strcmp(option, "--joined")) options.joined = 1;
    else if (!strcmp(option, "--check")) options.check = 1;
    else if (!strcmp(option, "--control")) control = 1;
    else {
      const char *value = texts[++i];
      if (value == NULL) usage("An option lacks its value");
      if (!strcmp(option, "-p")) port = atoi(value);
      else if (!strcmp(option, "-u")) path = value;
      else if (!strcmp(option, "-n")) connections = atoi(value);
      else if (!strcmp(option, "-t")) seconds = atof(value);
      else if (!strcmp(option, "-m")) options.messages = value;
      else if (!strcmp(option, "--mode"))
        options.mode = !strcmp(value, "sse") ? SSE : !strcmp(value, "poll") ? POLL : WEBSOCKET;
      else if (!strcmp(option, "--settle")) settle = atof(value);
      else if (!strcmp(option, "--linger")) linger = atof(value);
      else if (!strcmp(option, "--expect")) expected = strtoull(value, NULL, 10);
      else if (!strcmp(option, "--ready")) options.ready = value;
      else if (!strcmp(option, "--header")) headers = value;
      else if (!strcmp(option, "--cursor")) cursor = value;
      else if (!strcmp(option, "--every")) options.every = atoi(value);
      else if (!strcmp(option, "--inflight")) in_flight = atoi(value);
      else if (!strcmp(option, "--offset")) options.number_offset = atoi(value);
      else if (!strcmp(option, "--progress")) progress_file = value;
      else usage("Unknown option");
    }
  }
  if (connections < 1 || options.every < 1) usage("-n and --every must be at least 1");
  if (options.mode == POLL) options.joined = 1;
}

static void write_request(void) {
  static const char *wants[] = {
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
      "Accept: text/event-stream\r\n",
      "Accept: application/json\r\n",
  };
  snprintf(options.request, sizeof options.request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s%s\r\n", path, port,
           wants[options.mode], headers);
}

int main(int count, char **texts) {
  parse_options(count, texts);
  write_request();
  signal(SIGPIPE, SIG_IGN);
  signal(SIGINT, on_signal);
  signal(SIGTERM, on_signal);
  unsigned long files = prepare_process(SIGTERM);
  if ((unsigned long)connections + 32 > files) usage("Cannot open that many connections: too few files per process");
  peers = calloc((size_t)connections, sizeof *peers);
  progress = map_progress(progress_file);
  epoll = epoll_create1(0);

  double duration = connect_all();
  printf("{\"ev\":\"connected\",\"opened\":%d,\"failed\":%d,\"bad_accept\":%d,\"secs\":%.4f,\"per_s\":%.0f,\"now\":%lu}\n",
         counts.opened, counts.failed, counts.bad_accept, duration, (double)counts.opened / duration, now_us());
  fflush(stdout);

  run_for(settle);
  puts("{\"ev\":\"window\"}");
  fflush(stdout);
  Counts from = counts;
  double cpu = cpu_seconds();
  uint64_t begin = now_us();
  in_window = 1;
  run_window();
  in_window = 0;
  duration = (double)(now_us() - begin) / 1e6;
  Counts to = counts;
  cpu = cpu_seconds() - cpu;
  puts("{\"ev\":\"measured\"}");
  fflush(stdout);

  run_until_quiet();
  report(&from, &to, duration, cpu);
  while (control && !stopped && control_word() >= 0) turn(50);
  for (int i = 0; i < connections; i++) {
    if (peers[i].state != UNUSED && peers[i].state != CLOSED) drop(&peers[i]);
  }
  return 0;
}
