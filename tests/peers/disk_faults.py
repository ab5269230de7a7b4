"""A disk that fails on demand: a C library, built here and preloaded into every process of a test.

It looks up the file of each descriptor, and affects only people.db and its WAL.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

C_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* Does the file $FAULTS/name exist? */
static int is_set(const char *name) {
    char path[4096];
    const char *folder = getenv("FAULTS");
    if (folder == NULL) return 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static int is_database(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, "/people.db") != NULL;
}

static void delay(int fd) {
    int before = errno;
    if (is_database(fd) && is_set("slow")) {
        struct timespec pause = {0, 50 * 1000 * 1000};
        nanosleep(&pause, NULL);
    }
    errno = before;
}

static int is_full(int fd) {
    int before = errno, full = is_database(fd) && is_set("full");
    errno = full ? ENOSPC : before;
    return full;
}

#define ORIGINAL(name, type) ((type)dlsym(RTLD_NEXT, #name))
typedef ssize_t (*read_function)(int, void *, size_t, off64_t);
typedef ssize_t (*write_function)(int, const void *, size_t, off64_t);

ssize_t pread64(int fd, void *to, size_t size, off64_t at) {
    delay(fd);
    return ORIGINAL(pread64, read_function)(fd, to, size, at);
}
ssize_t pread(int fd, void *to, size_t size, off_t at) {
    delay(fd);
    return ORIGINAL(pread64, read_function)(fd, to, size, at);
}
ssize_t pwrite64(int fd, const void *from, size_t size, off64_t at) {
    return is_full(fd) ? -1 : ORIGINAL(pwrite64, write_function)(fd, from, size, at);
}
ssize_t pwrite(int fd, const void *from, size_t size, off_t at) {
    return is_full(fd) ? -1 : ORIGINAL(pwrite64, write_function)(fd, from, size, at);
}
"""


@dataclass(frozen=True)
class DiskFaults:
    """The library, and the folder whose files say which faults are active."""

    folder: Path

    @property
    def env(self) -> dict[str, str]:
        """Return the environment variables that make a process use the library."""
        return {"LD_PRELOAD": str(self.folder / "faults.so"), "FAULTS": str(self.folder)}

    def set_slow(self, on: bool) -> None:
        """Make each read of the database take 50 ms."""
        self._set("slow", on)

    def set_full(self, on: bool) -> None:
        """Make each write to the database fail with ENOSPC."""
        self._set("full", on)

    def _set(self, name: str, on: bool) -> None:
        if on:
            (self.folder / name).touch()
        else:
            (self.folder / name).unlink(missing_ok=True)


def build_disk_faults(folder: Path) -> DiskFaults:
    """Build the library in *folder*."""
    folder.mkdir()
    source, library = folder / "faults.c", folder / "faults.so"
    source.write_text(C_SOURCE)
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return DiskFaults(folder)
