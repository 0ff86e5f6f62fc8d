/* Makes a chosen write to a plain file fail. Preloaded; told what to do through a file that both map.
 * strace could not tell a file's write from one that wakes the runtime. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct control {
    int error; /* errno to give; 0: none */
    int at;    /* which write, from 1 */
    int more;  /* not 0: and all after it */
    int log;   /* not 0: standard error counts too */
    int seen;
    int hit;
    char path[488]; /* where the last one was hit */
};

static struct control *control;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("VSYNC_WRITE_FAULT");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *mapped = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped != MAP_FAILED)
        control = mapped;
    close(fd);
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    struct stat about;
    if (control && control->error && (fd != 2 || control->log) && fstat(fd, &about) == 0 && S_ISREG(about.st_mode)) {
        int seen = __atomic_add_fetch(&control->seen, 1, __ATOMIC_SEQ_CST);
        if (seen == control->at || (control->more && seen > control->at)) {
            char link[64];
            snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
            ssize_t length = readlink(link, control->path, sizeof control->path - 1);
            control->path[length < 0 ? 0 : length] = 0;
            __atomic_add_fetch(&control->hit, 1, __ATOMIC_SEQ_CST);
            errno = control->error;
            return -1;
        }
    }
    return syscall(SYS_write, fd, bytes, count);
}
