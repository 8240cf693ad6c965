/* Children: spawned, never forked (OpenCL may be open in this process), asked by lines through pipes. Between its
 * answers a child is stopped: threads that wait by spinning would take the processors from whoever is measured. */
#include "child.h"
#include "bench.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

const char *bench_self(void)
{
    static char path[4096];
    const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    return path;
}

/* Ours, without the names that `more` sets. The strings are not copied; the array is the caller's. */
static char **merge(const char *const *more)
{
    size_t n = 0, m = 0, k = 0;
    while (environ[n]) ++n;
    while (more && more[m]) ++m;
    char **merged = calloc(n + m + 1, sizeof *merged);
    for (size_t i = 0; merged && i < n; ++i) {
        int set = 0;
        const size_t name = strcspn(environ[i], "=") + 1;
        for (size_t j = 0; j < m; ++j) set |= !strncmp(environ[i], more[j], name);
        if (!set) merged[k++] = environ[i];
    }
    for (size_t j = 0; merged && j < m; ++j) merged[k++] = (char *)(uintptr_t)more[j];
    return merged;
}

int bench_child_start(bench_child *child, const char *const *command, const char *const *environment)
{
    int in[2] = { -1, -1 }, out[2] = { -1, -1 }, failed = 1;
    posix_spawn_file_actions_t actions;
    char **merged = merge(environment);
    *child = (bench_child){ 0, -1, -1 };
    signal(SIGPIPE, SIG_IGN); /* a dead child is a failed write */
    if (merged && !posix_spawn_file_actions_init(&actions)) {
        failed =
            pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) ||
            posix_spawn_file_actions_adddup2(&actions, in[0], 0) ||
            posix_spawn_file_actions_adddup2(&actions, out[1], 1) ||
            posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) ||
            posix_spawnp(&child->pid, command[0], &actions, NULL, (char *const *)(uintptr_t)command, merged);
        posix_spawn_file_actions_destroy(&actions);
    }
    free(merged);
    if (in[0] >= 0) close(in[0]);
    if (out[1] >= 0) close(out[1]);
    child->to = in[1];
    child->from = out[0];
    if (!failed) return 1;
    child->pid = 0;
    bench_child_end(child, 0);
    return 0;
}

void bench_child_end(bench_child *child, double seconds)
{
    const double deadline = bench_now() + seconds;
    pid_t done = 0;
    if (child->to >= 0) close(child->to);
    if (child->pid > 0) kill(child->pid, SIGCONT);
    while (child->pid > 0 && !(done = waitpid(child->pid, NULL, WNOHANG)) && bench_now() < deadline)
        poll(NULL, 0, 5);
    if (child->pid > 0 && !done) {
        kill(child->pid, SIGKILL);
        waitpid(child->pid, NULL, 0);
    }
    if (child->from >= 0) close(child->from);
    *child = (bench_child){ 0, -1, -1 };
}

/* Bytes up to the end of a line; 0 after the time, or at the end of the pipe. */
static int read_line(int from, char *reply, size_t size, double deadline)
{
    size_t n = 0;
    for (;;) {
        struct pollfd ready = { .fd = from, .events = POLLIN };
        const double left = deadline - bench_now();
        char byte;
        if (left <= 0 || poll(&ready, 1, (int)fmin(left * 1e3 + 1, 1e9)) <= 0 || read(from, &byte, 1) != 1)
            return 0;
        if (byte == '\n') break;
        if (n + 1 < size) reply[n++] = byte;
    }
    reply[n] = 0;
    return 1;
}

int bench_child_tell(bench_child *child, const char *line)
{
    char text[500];
    const int n = snprintf(text, sizeof text, "%s\n", line);
    if (child->pid <= 0) return 0;
    kill(child->pid, SIGCONT);
    if (n > 0 && n < (int)sizeof text && write(child->to, text, (size_t)n) == n) return 1;
    bench_child_end(child, 0);
    return 0;
}

int bench_child_hear(bench_child *child, char *reply, size_t size, double seconds)
{
    reply[0] = 0;
    if (child->pid <= 0) return 0;
    if (read_line(child->from, reply, size, bench_now() + seconds)) {
        kill(child->pid, SIGSTOP);
        return 1;
    }
    bench_child_end(child, 0);
    return 0;
}

int bench_child_ask(bench_child *child, const char *line, char *reply, size_t size, double seconds)
{
    reply[0] = 0;
    return bench_child_tell(child, line) && bench_child_hear(child, reply, size, seconds);
}
