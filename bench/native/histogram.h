// A log-linear histogram of microseconds: 64 steps per power of two, so that a quantile is right within 1.6 %.
#ifndef HEARTHWIRE_BENCH_HISTOGRAM_H
#define HEARTHWIRE_BENCH_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_SLOTS = 64 * 40 };

typedef struct {
  uint64_t slots[HISTOGRAM_SLOTS];
  uint64_t count, max;
  double sum;
} Histogram;

static inline int histogram_slot(uint64_t value) {
  if (value < 64) return (int)value;
  int power = 63 - __builtin_clzll(value);
  int slot = (power - 5) * 64 + (int)((value >> (power - 6)) & 63);
  return slot < HISTOGRAM_SLOTS ? slot : HISTOGRAM_SLOTS - 1;
}

static inline void histogram_add(Histogram *h, uint64_t value) {
  h->slots[histogram_slot(value)]++;
  h->count++;
  h->sum += (double)value;
  if (value > h->max) h->max = value;
}

static inline uint64_t histogram_quantile(const Histogram *h, double quantile) {
  uint64_t wanted = (uint64_t)(quantile * (double)h->count), seen = 0;
  for (int slot = 0; slot < HISTOGRAM_SLOTS; slot++) {
    seen += h->slots[slot];
    if (seen <= wanted) continue;
    if (slot < 64) return (uint64_t)slot;
    int power = slot / 64 + 5;
    return (1ull << power) | ((uint64_t)(slot % 64) << (power - 6));
  }
  return h->max;
}

#endif
