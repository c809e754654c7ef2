// What the three tools share: the clock, the progress page, and the data that publications carry.
#ifndef HEARTHWIRE_BENCH_COMMON_H
#define HEARTHWIRE_BENCH_COMMON_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

// Microseconds of the machine's monotonic clock, the same in all processes: what `ts` carries.
static inline uint64_t now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static inline void nap_us(long us) {
  struct timespec t = {us / 1000000, (us % 1000000) * 1000};
  nanosleep(&t, NULL);
}

// Ends with the runner, sleeps as short as asked, and may open as many files as the machine lets it.
static inline unsigned long prepare_process(int death_signal) {
  struct rlimit files;
  prctl(PR_SET_PDEATHSIG, death_signal);
  prctl(PR_SET_TIMERSLACK, 1000);
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  return (unsigned long)files.rlim_cur;
}

// A page that the load client counts received publications on, so that whoever publishes need not run ahead of it.
// Without a file it is private, and nobody is ever too far ahead.
volatile uint64_t *map_progress(const char *file);

static inline char *put_number(char *out, uint64_t value) {
  char digits[20];
  int n = 0;
  do {
    digits[n++] = (char)('0' + value % 10);
    value /= 10;
  } while (value > 0);
  while (n > 0) *out++ = digits[--n];
  return out;
}

static inline char *put_text(char *out, const char *text) {
  size_t n = strlen(text);
  memcpy(out, text, n);
  return out + n;
}

// {"seq":…,"ts":…,"pad":"xx…"} of exactly `length` bytes, if that is enough for the numbers.
static inline char *put_data(char *out, uint64_t seq, uint64_t ts, size_t length) {
  char *begin = out;
  out = put_text(out, "{\"seq\":");
  out = put_number(out, seq);
  out = put_text(out, ",\"ts\":");
  out = put_number(out, ts);
  out = put_text(out, ",\"pad\":\"");
  while ((size_t)(out - begin) + 2 < length) *out++ = 'x';
  return put_text(out, "\"}");
}

static inline _Noreturn void die(const char *what) {
  perror(what);
  exit(1);
}

static inline _Noreturn void usage(const char *text) {
  fprintf(stderr, "%s\n", text);
  exit(2);
}

#endif
