/*
 * A disk that is full for SQLite's log: preloaded into a program, it refuses to let a file whose name ends in "-wal"
 * grow beyond so many bytes as the file FULL_DISK_LIMIT says; while that file is not there, there is room.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int no_room(int fd, off_t end) {
  char link[64], name[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, name, sizeof name);
  if (n < 4 || memcmp(name + n - 4, "-wal", 4) != 0) return 0;
  FILE *limit = fopen(getenv("FULL_DISK_LIMIT"), "r");
  if (!limit) return 0;
  long long bytes;
  int read = fscanf(limit, "%lld", &bytes);
  fclose(limit);
  if (read != 1 || end <= bytes) return 0;
  errno = ENOSPC;
  return 1;
}

ssize_t write(int fd, const void *from, size_t n) {
  static ssize_t (*real)(int, const void *, size_t);
  if (!real) real = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
  off_t at = lseek(fd, 0, SEEK_CUR);
  return at >= 0 && no_room(fd, at + (off_t)n) ? -1 : real(fd, from, n);
}

ssize_t pwrite(int fd, const void *from, size_t n, off_t at) {
  static ssize_t (*real)(int, const void *, size_t, off_t);
  if (!real) real = (ssize_t (*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
  return no_room(fd, at + (off_t)n) ? -1 : real(fd, from, n, at);
}

ssize_t pwrite64(int fd, const void *from, size_t n, off_t at) { return pwrite(fd, from, n, at); }
