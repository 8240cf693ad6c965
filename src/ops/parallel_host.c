/* Threads of the host functions: one loop over pieces, done by the caller and by helpers that sleep in
 * between.
 *
 * Helpers never spin, and the caller waits only for those that are in the middle of a piece: on a busy machine a
 * helper that gets no processor costs nothing. The helpers are the process's (one of the few statics): started
 * when they are first needed, they stay. While they work for one caller, others go on alone.      */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/env.h"
#include "ops/host.h"

typedef struct parallel_task {
    clgi_host_body body;
    void *context;
    int64_t count, grain;
    atomic_int_fast64_t next; /* begin of the next piece */
} parallel_task;

static struct {
    pthread_mutex_t caller; /* held by the one whose task it is */
    pthread_mutex_t lock;   /* of everything below */
    pthread_cond_t work, done;
    parallel_task *task;
    int started, wanted, busy; /* helpers alive; that may still join the task; that are in it */
} pool = { .caller = PTHREAD_MUTEX_INITIALIZER,
           .lock = PTHREAD_MUTEX_INITIALIZER,
           .work = PTHREAD_COND_INITIALIZER,
           .done = PTHREAD_COND_INITIALIZER };

int clgi_host_threads(void)
{
    const long wanted = strtol(clgi_env(CLGI_ENV_THREADS), NULL, 10);
    if (wanted > 0) return wanted < CLGI_HOST_MOST_THREADS ? (int)wanted : CLGI_HOST_MOST_THREADS;
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set)) return 1;
    const int processors = CPU_COUNT(&set);
    return processors < CLGI_HOST_MOST_THREADS ? processors : CLGI_HOST_MOST_THREADS;
}

static void do_pieces(parallel_task *task)
{
    for (;;) {
        const int64_t begin = atomic_fetch_add(&task->next, task->grain), end = begin + task->grain;
        if (begin >= task->count) return;
        task->body(task->context, begin, end < task->count ? end : task->count);
    }
}

static void *helper(void *unused)
{
    pthread_mutex_lock(&pool.lock);
    for (;;) {
        while (pool.wanted == 0) pthread_cond_wait(&pool.work, &pool.lock);
        parallel_task *task = pool.task;
        pool.wanted--;
        pool.busy++;
        pthread_mutex_unlock(&pool.lock);
        do_pieces(task);
        pthread_mutex_lock(&pool.lock);
        if (--pool.busy == 0) pthread_cond_signal(&pool.done);
    }
    return unused;
}

/* With the lock held. Fewer than wanted are no error. */
static void start_helpers(int wanted)
{
    pthread_attr_t detached;
    if (pool.started >= wanted || pthread_attr_init(&detached)) return;
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    for (pthread_t thread; pool.started < wanted; pool.started++)
        if (pthread_create(&thread, &detached, helper, NULL)) break;
    pthread_attr_destroy(&detached);
}

static void offer(parallel_task *task, int helpers)
{
    pthread_mutex_lock(&pool.lock);
    start_helpers(helpers);
    pool.task = task;
    pool.wanted = helpers < pool.started ? helpers : pool.started;
    for (int i = 0; i < pool.wanted; i++) pthread_cond_signal(&pool.work);
    pthread_mutex_unlock(&pool.lock);
}

/* Nobody else joins; waits for those who did. */
static void withdraw(void)
{
    pthread_mutex_lock(&pool.lock);
    pool.wanted = 0;
    while (pool.busy > 0) pthread_cond_wait(&pool.done, &pool.lock);
    pool.task = NULL;
    pthread_mutex_unlock(&pool.lock);
}

void clgi_host_parallel(int64_t count, int64_t grain, clgi_host_body body, void *context)
{
    if (count <= 0) return;
    const int64_t pieces = (count + grain - 1) / grain;
    int threads = pieces > 1 ? clgi_host_threads() : 1;
    if (threads > pieces) threads = (int)pieces;
    /* A body that comes here again finds the helpers taken, as another thread does. */
    if (threads <= 1 || pthread_mutex_trylock(&pool.caller)) {
        body(context, 0, count);
        return;
    }
    parallel_task task = { .body = body, .context = context, .count = count, .grain = grain };
    atomic_init(&task.next, 0);
    offer(&task, threads - 1);
    do_pieces(&task);
    withdraw();
    pthread_mutex_unlock(&pool.caller);
}

void *clgi_host_scratch_take(clgi_host_scratch *scratch, size_t bytes)
{
    if (scratch->size >= bytes) return scratch->bytes;
    clgi_free(scratch->bytes);
    scratch->bytes = clgi_alloc(bytes);
    scratch->size = scratch->bytes ? bytes : 0;
    return scratch->bytes;
}
