/* Helper programs of the library: found beside it, run in a child process with a time limit. */
#ifndef CLGI_CHILD_H
#define CLGI_CHILD_H

#include "base/error.h"
#include "base/memory.h"

enum { CLGI_CHILD_OUTPUT = 3 }; /* the descriptor that a helper answers on: drivers write to the others */

typedef enum clgi_child_end {
    CLGI_CHILD_EXITED,    /* number: its exit code */
    CLGI_CHILD_SIGNALLED, /* number: the signal */
    CLGI_CHILD_LATE       /* it was killed at the time limit */
} clgi_child_end;

typedef struct clgi_child_result {
    clgi_child_end end;
    int number;
    char text[1024]; /* what it wrote, cut to fit */
} clgi_child_result;

/* The path of the helper `name`: beside the shared library or the program, or in the `bin` next to the library's
 * folder. Free with clgi_free; NULL when there is none.                                          */
char *clgi_helper_find(const char *name);
/* Runs arguments[0] (a path) with the NULL-ended arguments. It reads `input` (NULL: nothing) from its standard input, the
 * other standard streams go nowhere. It is spawned, never forked: threads of drivers would not survive that.
 * CLG_EIO: it could not be started.                                                               */
clg_status clgi_child_run(char *const *arguments, const clgi_text *input, double limit_seconds,
                          clgi_child_result *ret_result, clg_error *error);

#endif
