/* Recomputation under a memory limit, between its parts: the model of a plan's memory (recompute_model.c), the choice of
 * what is computed twice (recompute.c), and the copies of groups that do it (recompute_copy.c).
 *
 * A cut of a group means: who reads its results later than place `after` of the order reads those of another
 * computation, which runs right before the first such reader. Version v of a group serves the readers behind its
 * v-th cut; version 0 is the group itself.                                                        */
#ifndef CLGI_RECOMPUTE_H
#define CLGI_RECOMPUTE_H

#include "plan/plan.h"

enum { CLGI_MOST_CUTS = 3, CLGI_VERSIONS = CLGI_MOST_CUTS + 1 };

/* A group, by its place in the order. */
typedef struct clgi_place_model {
    int group;
    int *reads, *writes; /* values, as their owners */
    int n_reads, n_writes;
    uint64_t work;                    /* bytes of work space while it runs */
    double cost;                      /* of one run more, in flops */
    int deadline;                     /* the first place that overwrites a stored tensor that it reads */
    int may_repeat;                   /* some result lies in the arena and nowhere else */
    int pinned;                       /* some other result is wanted in any case */
    int cuts[CLGI_MOST_CUTS], n_cuts; /* ascending */
    int needed;
    int time[CLGI_VERSIONS]; /* the place that the version runs at, or right before; -1: it does not run */
    int position[CLGI_VERSIONS]; /* in the new order */
    int read[CLGI_VERSIONS];     /* the last time up to the peak at which it is read */
} clgi_place_model;

typedef struct clgi_value_model {
    uint64_t bytes;                                /* in the arena */
    int place;                                     /* of the group that makes it; -1: none */
    int repeats;                                   /* it may have versions */
    int held;                                      /* read at the very end */
    int first[CLGI_VERSIONS], last[CLGI_VERSIONS]; /* positions; first -1: it does not exist */
} clgi_value_model;

typedef struct clgi_memory_model {
    const clgi_plan *plan;
    clgi_place_model *places;
    clgi_value_model *values;
    int n_places, n_values;
    int *place_of;       /* of each group */
    int *starts;         /* scratch: per time */
    int64_t *change;     /* scratch: per position */
    uint64_t *highest;   /* live bytes per time */
    uint64_t held, peak; /* bytes that live all along; at the highest place */
    double cost;         /* of all runs, in flops */
    int n_positions, peak_time, peak_position;
} clgi_memory_model;

/* What is known from one round of planning to the next. */
typedef struct clgi_recompute {
    uint64_t limit;    /* bytes; 0: none */
    uint64_t aim;      /* of live bytes, in this round; 0: as planned */
    uint64_t smallest; /* arena so far */
    uint64_t arena;    /* of the first round, as what follows */
    double flops;
    int steps;
    uint64_t *work; /* bytes of work space of each group of the first round, and of no group */
    int n_groups, rounds;
    int reached; /* this round's choice came down to its aim */
    int settled; /* it fits */
} clgi_recompute;

clg_status clgi_memory_model_make(clgi_plan *plan, const clgi_recompute *recompute, clgi_memory_model *model,
                                  clg_error *error);
/* Peak, cost and positions with the cuts as they are. 0 when something would read what was overwritten. */
int clgi_memory_model_evaluate(clgi_memory_model *model);
/* Which version of a value is read at a time. */
int clgi_memory_model_version(const clgi_memory_model *model, int value, int time);
/* Makes the copies, and the plan's new order. */
clg_status clgi_recompute_copy(clgi_plan *plan, const clgi_memory_model *model, clg_error *error);

/* The pass, between schedule and select. */
clg_status clgi_plan_recompute(clgi_plan *plan, clgi_recompute *recompute, clg_error *error);
/* After the pass `memory`: settled, or another round with a lower aim, or the error that tells what was reached. */
clg_status clgi_recompute_judge(clgi_plan *plan, clgi_recompute *recompute, clg_error *error);
void clgi_recompute_finish(clgi_recompute *recompute);

#endif
