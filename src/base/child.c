/* Helper programs in child processes. The only file that starts processes, and it starts ours alone.
 * A program that waits for children itself may take our child's end away: what the child wrote decides then. */
#include "base/child.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/os.h"

extern char **environ;

/* --- Finding ---------------------------------------------------------------------------------- */

/* "FOLDER/places/NAME" for the folder of `file`; NULL when there is no such program. */
static char *find_beside(const char *file, const char *name)
{
    static const char *const places[] = { "", "../bin/", "../../bin/" };
    const char *slash = strrchr(file, '/');
    if (!slash) return NULL;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        clgi_text path = { 0 };
        clgi_text_add(&path, "%.*s/%s%s", (int)(slash - file), file, places[i], name);
        if (!path.failed && !access(path.data, X_OK)) return path.data;
        clgi_text_finish(&path);
    }
    return NULL;
}

char *clgi_helper_find(const char *name)
{
    static const char own = 0; /* its address lies in the library, or in the program that holds it */
    char program[4096];
    char *path = NULL;
    Dl_info library;
    if (dladdr(&own, &library) && library.dli_fname) path = find_beside(library.dli_fname, name);
    if (path) return path;
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0) return NULL;
    program[length] = 0;
    return find_beside(program, name);
}

/* --- Running ---------------------------------------------------------------------------------- */

/* Its own process group, so that compilers which a driver starts end with it; signals as at a program's start. */
static int spawn(char *const *arguments, int input, int output, pid_t *ret_child)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int failure = posix_spawn_file_actions_init(&files);
    if (failure) return failure;
    failure = posix_spawnattr_init(&attributes);
    if (failure) {
        posix_spawn_file_actions_destroy(&files);
        return failure;
    }
    /* First the answer: in a program without standard streams the pipe may lie in their place. */
    failure = posix_spawn_file_actions_adddup2(&files, output, CLGI_CHILD_OUTPUT);
    if (!failure && input >= 0) failure = posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    for (int stream = input >= 0 ? 1 : 0; stream < 3 && !failure; stream++)
        failure = posix_spawn_file_actions_addopen(&files, stream, "/dev/null", O_RDWR, 0);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    if (!failure) failure = posix_spawn(ret_child, arguments[0], &files, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return failure;
}

/* Until the end of what it writes; 0 when the limit came first. */
static int read_until(int file, uint64_t deadline_ns, char *text, size_t bytes)
{
    size_t used = 0;
    for (;;) {
        uint64_t now = clgi_time_ns();
        if (now >= deadline_ns) break;
        struct pollfd waiting = { .fd = file, .events = POLLIN };
        int ready = poll(&waiting, 1, (int)((deadline_ns - now) / 1000000u) + 1);
        if (ready < 0 && errno != EINTR) break;
        if (ready <= 0) continue;
        char lost[256]; /* more than fits is read and dropped: the child must not wait for us */
        int full = used + 1 >= bytes;
        ssize_t got = read(file, full ? lost : text + used, full ? sizeof lost : bytes - 1 - used);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            text[used] = 0;
            return 1;
        }
        if (!full) used += (size_t)got;
    }
    text[used] = 0;
    return 0;
}

/* A child that closed its answer may still hang while it ends: it gets until the deadline as well. */
static void wait_for(pid_t child, int late, uint64_t deadline_ns, clgi_child_result *result)
{
    int ended = 0;
    pid_t got;
    while (!late && (got = waitpid(child, &ended, WNOHANG)) == 0) {
        late = clgi_time_ns() >= deadline_ns;
        (void)poll(NULL, 0, 2);
    }
    if (late) {
        kill(-child, SIGKILL);
        do got = waitpid(child, &ended, 0);
        while (got < 0 && errno == EINTR);
        result->end = CLGI_CHILD_LATE;
    } else if (got == child && WIFSIGNALED(ended)) {
        result->end = CLGI_CHILD_SIGNALLED;
        result->number = WTERMSIG(ended);
    } else {
        result->end = CLGI_CHILD_EXITED;
        result->number = got == child ? WEXITSTATUS(ended) : -1;
    }
}

/* A nameless file that holds the text, read from its beginning: a pipe would want somebody to fill it. Above the
 * descriptors that the child gets: they are set in turn, and must not be overwritten before. -1: no. */
static int file_of(const clgi_text *text)
{
    size_t written = 0;
    int first = memfd_create("clgrad", MFD_CLOEXEC), file = -1;
    if (first >= 0) file = fcntl(first, F_DUPFD_CLOEXEC, CLGI_CHILD_OUTPUT + 1);
    if (first >= 0) close(first);
    while (file >= 0 && written < text->length) {
        ssize_t n = pwrite(file, text->data + written, text->length - written, (off_t)written);
        if (n < 0 && errno == EINTR) continue;
        if (n > 0) {
            written += (size_t)n;
            continue;
        }
        close(file);
        file = -1;
    }
    return file;
}

clg_status clgi_child_run(char *const *arguments, const clgi_text *input, double limit_seconds,
                          clgi_child_result *ret_result, clg_error *error)
{
    int ends[2], file = -1;
    pid_t child = 0;
    memset(ret_result, 0, sizeof *ret_result);
    if (input && (file = file_of(input)) < 0)
        return clgi_fail(error, CLG_EIO, "child: no file for its input: %s", strerror(errno));
    if (pipe2(ends, O_CLOEXEC)) {
        if (file >= 0) close(file);
        return clgi_fail(error, CLG_EIO, "child: no pipe: %s", strerror(errno));
    }
    int failure = spawn(arguments, file, ends[1], &child);
    if (file >= 0) close(file);
    close(ends[1]);
    if (failure) {
        close(ends[0]);
        return clgi_fail(error, CLG_EIO, "child: %s cannot be started: %s", arguments[0], strerror(failure));
    }
    uint64_t deadline_ns = clgi_time_ns() + (uint64_t)(limit_seconds * 1e9);
    int whole = read_until(ends[0], deadline_ns, ret_result->text, sizeof ret_result->text);
    close(ends[0]);
    wait_for(child, !whole, deadline_ns, ret_result);
    return CLG_OK;
}
