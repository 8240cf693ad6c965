/* A case judged: the oracle's values, the sums of |terms|, and the verdict on a device's values. */
#ifndef CLGI_CHECK_ORACLE_H
#define CLGI_CHECK_ORACLE_H

#include "evaluate.h"

typedef struct clgi_verdict {
    int ok;
    double share;      /* largest part of a limit that was used */
    char message[200]; /* of the first wrong element */
} clgi_verdict;

/* The case on `host` in f64, and what its limits need. */
typedef struct clgi_oracle {
    clgi_values values;                           /* the reference: inputs, weights, results, gradients */
    clgi_values absolute, absolute_weights, ones; /* empty where no limit needs them */
} clgi_oracle;

/* values: filled inputs (taken over, also on failure). */
clg_status clgi_oracle_make(clg_device *host, const clgi_check_case *c, clgi_values values,
                            clgi_oracle *ret_oracle, clg_error *error);
void clgi_oracle_finish(clgi_oracle *oracle);
/* `engine`: the device's matrix engine, NULL where it has none: products of matrices are then of bfloat16. */
clgi_verdict clgi_oracle_judge(const clgi_oracle *oracle, const clgi_check_case *c, const clgi_values *got,
                               const char *engine);

#endif
