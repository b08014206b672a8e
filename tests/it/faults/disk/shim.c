/*
 * A full disk for a program and everything it starts: preloaded, it lets no file grow while the first byte of a file says so.
 * What is there already can be written over, as on a real one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static const volatile char none;
static const volatile char *full = &none;

__attribute__((constructor)) static void find_file(void)
{
    const char *path = getenv("TEST_DISK_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *found = mmap(NULL, 1, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (found != MAP_FAILED)
        full = (const volatile char *)found;
}

/* Whether a file may reach to this end; -1 is where it stands plus so many bytes. */
static int fits(int file, off_t from, size_t count)
{
    struct stat about;
    if (!*full || fstat(file, &about) != 0 || !S_ISREG(about.st_mode))
        return 1;
    if (from < 0)
        from = (fcntl(file, F_GETFL) & O_APPEND) ? about.st_size : lseek(file, 0, SEEK_CUR);
    if (from + (off_t)count <= about.st_size)
        return 1;
    errno = ENOSPC;
    return 0;
}

static size_t length(const struct iovec *parts, int count)
{
    size_t sum = 0;
    for (int part = 0; part < count; part++)
        sum += parts[part].iov_len;
    return sum;
}

ssize_t write(int file, const void *bytes, size_t count)
{
    return fits(file, -1, count) ? syscall(SYS_write, file, bytes, count) : -1;
}

ssize_t writev(int file, const struct iovec *parts, int count)
{
    return fits(file, -1, length(parts, count)) ? syscall(SYS_writev, file, parts, count) : -1;
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t from)
{
    return fits(file, from, count) ? syscall(SYS_pwrite64, file, bytes, count, from) : -1;
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off_t from)
{
    return pwrite(file, bytes, count, from);
}

ssize_t pwritev(int file, const struct iovec *parts, int count, off_t from)
{
    return fits(file, from, length(parts, count)) ? syscall(SYS_pwritev, file, parts, count, from, 0) : -1;
}

ssize_t pwritev64(int file, const struct iovec *parts, int count, off_t from)
{
    return pwritev(file, parts, count, from);
}

int fallocate(int file, int mode, off_t from, off_t count)
{
    return fits(file, from, count) ? (int)syscall(SYS_fallocate, file, mode, from, count) : -1;
}

int posix_fallocate(int file, off_t from, off_t count)
{
    return fits(file, from, count) ? (fallocate(file, 0, from, count) ? errno : 0) : ENOSPC;
}

int posix_fallocate64(int file, off_t from, off_t count)
{
    return posix_fallocate(file, from, count);
}

int ftruncate(int file, off_t size)
{
    return fits(file, 0, size) ? (int)syscall(SYS_ftruncate, file, size) : -1;
}

int ftruncate64(int file, off_t size)
{
    return ftruncate(file, size);
}
