/* A process that is asked a line and answers with one, within a time. */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <stddef.h>
#include <sys/types.h>

typedef struct bench_child {
    pid_t pid; /* 0: none */
    int to, from;
} bench_child;
/* environment: "NAME=value" pairs more than ours, NULL-ended; may be NULL. 0 where it cannot be started. */
int bench_child_start(bench_child *child, const char *const *command, const char *const *environment);
/* One line there, one line back, without its end. 0 after `seconds`, or when the child is gone: it is then ended. */
int bench_child_ask(bench_child *child, const char *line, char *reply, size_t size, double seconds);
/* The two halves of it, so that several children work at once. */
int bench_child_tell(bench_child *child, const char *line);
int bench_child_hear(bench_child *child, char *reply, size_t size, double seconds);
/* Ends its input and waits for it; after `seconds` it is killed. Caches are written when a child ends by itself. */
void bench_child_end(bench_child *child, double seconds);
/* Path of the running command, for children of its own kind. */
const char *bench_self(void);

#endif
