// The floor: a server that does nothing but write ready frames to its sockets, one `send` per subscriber and turn. What
// it reaches is what the kernel allows a single thread; gateways are measured in parts of it.
//
// floor -p PORT -n SUBSCRIBERS -s flood|paced|many|idle [-b BATCH] [-R TURNS_PER_SECOND] [-t SECONDS]
//       [--length FRAME_BYTES] [--joined 1] [--progress FILE --ahead PUBLICATIONS]
//
// With --joined the publications of a turn stand in one frame, a line each, as protocols send them that join.
// It begins when all subscribers are there and ends when they have gone, or after SECONDS.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

enum { UNKNOWN, HANDSHAKE, SUBSCRIBED };
enum { MANY_PER_TURN = 100 };

static int port = 9000, subscribers = 1000, batch = 1, joined = 0;
static double rate = 50, seconds = 60;
static size_t frame_length = 132;
static const char *scenario = "flood", *progress_file = NULL;
static uint64_t ahead = UINT64_MAX / 4;

static int epoll, listener, open_count = 0;
static int *sockets;     // the subscribed ones, in no order
static int *place;       // by fd: where it stands in `sockets`
static uint8_t *states;  // by fd
static uint64_t published = 0, delivered = 0, waits = 0;
static volatile sig_atomic_t stopped = 0;

// The answer to the one key that the load client uses.
static const char accepted[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

static void on_signal(int signal) {
  (void)signal;
  stopped = 1;
}

static size_t put_header(uint8_t *out, size_t length) {
  out[0] = 0x81;
  if (length < 126) {
    out[1] = (uint8_t)length;
    return 2;
  }
  out[1] = 126;
  out[2] = (uint8_t)(length >> 8);
  out[3] = (uint8_t)length;
  return 4;
}

// The length of a publication's text, of which one alone makes a frame of `frame_length`.
static size_t text_length(void) { return frame_length - (frame_length - 2 < 126 ? 2 : 4); }

static size_t put_frame(uint8_t *out, uint64_t seq) {
  size_t header = put_header(out, text_length());
  put_data((char *)out + header, seq, now_us(), text_length());
  return frame_length;
}

static size_t put_turn(uint8_t *out) {
  size_t at = 0;
  if (joined) {
    at = put_header(out, (text_length() + 1) * (size_t)batch - 1);
    for (int i = 0; i < batch; i++, at += text_length()) {
      if (i > 0) out[at++] = '\n';
      put_data((char *)out + at, ++published, now_us(), text_length());
    }
  } else {
    for (int i = 0; i < batch; i++) at += put_frame(out + at, ++published);
  }
  return at;
}

static void forget(int fd) {
  if (states[fd] == SUBSCRIBED) {
    int last = sockets[--open_count];
    sockets[place[fd]] = last;
    place[last] = place[fd];
  }
  states[fd] = UNKNOWN;
  close(fd);
}

static void accept_all(void) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    states[fd] = HANDSHAKE;
  }
}

static void read_from(int fd) {
  char bytes[4096];
  ssize_t n = recv(fd, bytes, sizeof bytes, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) {
    forget(fd);
  } else if (states[fd] == HANDSHAKE && memmem(bytes, (size_t)n, "\r\n\r\n", 4)) {
    states[fd] = SUBSCRIBED;
    place[fd] = open_count;
    sockets[open_count++] = fd;
    send(fd, accepted, sizeof accepted - 1, MSG_NOSIGNAL);
  }
}

static void turn(int timeout) {
  static struct epoll_event events[1024];
  int n = epoll_wait(epoll, events, 1024, timeout);
  for (int i = 0; i < n; i++) {
    if (events[i].data.fd == listener) accept_all();
    else read_from(events[i].data.fd);
  }
}

// Writes all of it, waiting for a reader that is full.
static void write_all(int fd, const uint8_t *bytes, size_t length) {
  size_t at = 0;
  while (at < length && !stopped) {
    ssize_t n = send(fd, bytes + at, length - at, MSG_NOSIGNAL);
    if (n > 0) {
      at += (size_t)n;
    } else if (errno == EAGAIN) {
      waits++;
      nap_us(50);
    } else {
      return;
    }
  }
}

static void fan_out(uint8_t *frames) {
  size_t length = put_turn(frames);
  for (int i = 0; i < open_count; i++) {
    write_all(sockets[i], frames, length);
    delivered += (uint64_t)batch;
  }
}

static void fan_single(uint8_t *frames) {
  for (int i = 0; i < MANY_PER_TURN && open_count > 0; i++) {
    write_all(sockets[rand() % open_count], frames, put_frame(frames, ++published));
    delivered++;
  }
}

static void wait_until(uint64_t due) {
  int64_t left;
  while ((left = (int64_t)due - (int64_t)now_us()) > 0 && !stopped && open_count > 0) {
    if (left > 1500) turn((int)((left - 1000) / 1000));
    else nap_us(left);
  }
}

static void parse_options(int count, char **options) {
  for (int i = 1; i < count; i++) {
    const char *option = options[i];
    const char *value = options[i + 1];
    if (value == NULL) usage("An option lacks its value");
    i++;
    if (!strcmp(option, "-p")) port = atoi(value);
    else if (!strcmp(option, "-n")) subscribers = atoi(value);
    else if (!strcmp(option, "-s")) scenario = value;
    else if (!strcmp(option, "-b")) batch = atoi(value);
    else if (!strcmp(option, "-R")) rate = atof(value);
    else if (!strcmp(option, "-t")) seconds = atof(value);
    else if (!strcmp(option, "--joined")) joined = atoi(value);
    else if (!strcmp(option, "--length")) frame_length = (size_t)atoi(value);
    else if (!strcmp(option, "--progress")) progress_file = value;
    else if (!strcmp(option, "--ahead")) ahead = strtoull(value, NULL, 10);
    else usage("Unknown option");
  }
  if (frame_length < 64 || frame_length > 65000) usage("--length must be between 64 and 65000");
  if (joined && frame_length * (size_t)batch > 65000) usage("A joined frame must be within 65000 bytes");
}

static void listen_on_loopback(void) {
  epoll = epoll_create1(0);
  listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  int one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (void *)&address, sizeof address) != 0 || listen(listener, 4096) != 0) die("Cannot listen");
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
}

int main(int count, char **options) {
  parse_options(count, options);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGTERM, on_signal);
  signal(SIGINT, on_signal);
  unsigned long files = prepare_process(SIGTERM);
  sockets = calloc(files + 1, sizeof *sockets);
  place = calloc(files + 1, sizeof *place);
  states = calloc(files + 1, 1);
  volatile uint64_t *received = map_progress(progress_file);
  listen_on_loopback();
  puts("{\"ev\":\"listening\"}");
  fflush(stdout);

  uint64_t begin = now_us();
  uint64_t end = begin + (uint64_t)(seconds * 1e6);
  int idle = !strcmp(scenario, "idle"), paced = !strcmp(scenario, "paced"), many = !strcmp(scenario, "many");
  while ((open_count < subscribers || idle) && now_us() < end && !stopped) turn(10);

  uint8_t *frames = malloc(frame_length * (size_t)(batch > 1 ? batch : 1) + 64);
  uint64_t first = now_us();
  for (uint64_t turns = 0; open_count > 0 && now_us() < end && !stopped; turns++) {
    while (delivered > *received + ahead && open_count > 0 && now_us() < end && !stopped) {
      nap_us(30);
      turn(0);
    }
    if (paced) wait_until(first + (uint64_t)((double)turns * 1e6 / rate));
    if (many) fan_single(frames);
    else fan_out(frames);
    turn(0);
  }
  printf("{\"ev\":\"done\",\"published\":%lu,\"delivered\":%lu,\"waits\":%lu}\n", published, delivered, waits);
  return 0;
}
