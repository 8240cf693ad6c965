/* What tests of the command share: a scratch folder, runs with a bound on memory, files, the expected message. */
#ifndef COMMAND_CASE_H
#define COMMAND_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A sanitizer reserves terabytes of addresses: no bound there. */
#if defined(__SANITIZE_ADDRESS__)
#define MEMORY_BOUND ""
#else
#define MEMORY_BOUND "ulimit -v 2500000; "
#endif

static char folder[40], output[1 << 16];

static inline int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/clgrad-command-XXXXXX");
    return access(CLGRAD_COMMAND, X_OK) || !mkdtemp(folder);
}

static inline int remove_folder(void **state)
{
    char command[120];
    (void)state;
    snprintf(command, sizeof command, "chmod -R u+rwx %s; rm -r %s", folder, folder);
    return system(command);
}

/* One thread: waiting for a second one on a busy machine takes longer than these runs.
 * A shell line: in the scratch folder, $C is the command; stdout and stderr go into `output`. Its exit code. */
static inline int shell(const char *line)
{
    char command[2000];
    snprintf(command, sizeof command,
             "cd %s; export CLGRAD_DEVICE=host CLGRAD_THREADS=1; C='%s'; { " MEMORY_BOUND "%s\n} 2>&1",
             folder, CLGRAD_COMMAND, line);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    output[fread(output, 1, sizeof output - 1, pipe)] = 0;
    int status = pclose(pipe);
    if (!WIFEXITED(status)) fail_msg("%s: signal %d:\n%s", line, WTERMSIG(status), output);
    return WEXITSTATUS(status);
}

static inline void expect(const char *line, int code, const char *part)
{
    int got = shell(line);
    if (got != code || !strstr(output, part))
        fail_msg("%s: exit code %d (want %d), output without \"%s\":\n%s", line, got, code, part, output);
}

static inline void write_file(const char *name, const void *bytes, size_t size)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Everything of a file in the scratch folder; the caller frees it. */
static inline char *read_whole(const char *name, size_t *ret_size)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("%s: cannot be read", path);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *ret_size = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*ret_size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *ret_size, file), *ret_size);
    fclose(file);
    return bytes;
}

#endif
