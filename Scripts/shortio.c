// Preloaded into a program, it makes every read and write move only a part of what is asked, and some fail with EINTR,
// as a network file system or a debugger may. The bytes really move, so a correct program gives the same result.
//
//   clang -shared -fPIC -O1 -o shortio.so Scripts/shortio.c && SHORTIO_SEED=7 LD_PRELOAD=./shortio.so ounce ...
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/types.h>

static atomic_uint state;

// The next of a sequence that the seed decides; threads share it.
static unsigned next(void) {
  if (state == 0) {
    const char *seed = getenv("SHORTIO_SEED");
    unsigned zero = 0;
    atomic_compare_exchange_strong(&state, &zero, (seed ? (unsigned)atoi(seed) : 1) * 2654435761u | 1);
  }
  unsigned value = atomic_fetch_add(&state, 0x9E3779B9u);
  value ^= value >> 16;
  value *= 0x85EBCA6Bu;
  value ^= value >> 13;
  return value;
}

static size_t part(size_t count) {
  if (count < 2) return count;
  size_t most = count < 65536 ? count : 65536;
  return 1 + next() % most;
}

#define SHORT(name, parameters, arguments)                   \
  ssize_t name parameters {                                  \
    static ssize_t(*real) parameters;                        \
    if (!real) real = (ssize_t(*) parameters)dlsym(RTLD_NEXT, #name); \
    if (file > 2) {                                          \
      if (next() % 40 == 0) { errno = EINTR; return -1; }    \
      count = part(count);                                   \
    }                                                        \
    return real arguments;                                   \
  }

SHORT(read, (int file, void *bytes, size_t count), (file, bytes, count))
SHORT(write, (int file, const void *bytes, size_t count), (file, bytes, count))
SHORT(pread, (int file, void *bytes, size_t count, off_t offset), (file, bytes, count, offset))
SHORT(pwrite, (int file, const void *bytes, size_t count, off_t offset), (file, bytes, count, offset))
SHORT(pread64, (int file, void *bytes, size_t count, off64_t offset), (file, bytes, count, offset))
SHORT(pwrite64, (int file, const void *bytes, size_t count, off64_t offset), (file, bytes, count, offset))
