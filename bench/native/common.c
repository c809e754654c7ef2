#include "common.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

volatile uint64_t *map_progress(const char *file) {
  static uint64_t nobody = UINT64_MAX / 2;
  if (file == NULL) return &nobody;
  int fd = open(file, O_RDWR | O_CREAT, 0600);
  if (fd < 0 || ftruncate(fd, 4096) != 0) die(file);
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (page == MAP_FAILED) die(file);
  close(fd);
  return page;
}
