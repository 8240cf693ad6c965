/* The loader: a thread prepares the next batch in one of two pairs of stored tensors while the owner uses the
 * other. Position and order are pure arithmetic on (seed, epoch, batch), so seeking is exact.
 * The thread touches a pair only when the owner does not hold it; everything shared is under one mutex.   */
#include <clgrad/data.h>

#include "base/memory.h"
#include "base/philox.h"

#include <pthread.h>
#include <signal.h>

enum { DOMAIN = 0x73687566 /* keeps these draws apart from others with the same seed */ };

/* A place for one batch. `full` holds options.batch samples, `rest` the incomplete last batch. */
typedef struct slot {
    clg_batch full, rest;
} slot;

struct clg_loader {
    const clg_dataset *dataset;
    clg_loader_options options;
    clg_error error;       /* of the owner */
    int64_t count, length; /* samples, batches in an epoch */
    slot slots[2];
    float *pixels; /* staging of one batch; the thread's */
    int32_t *labels;
    uint32_t *order; /* the thread's: sample at each place of `order_epoch` */
    uint64_t order_epoch;
    int ordered;
    uint64_t epoch, batch; /* the owner's: what next() gives */

    int started; /* mutex, condition and thread exist */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    enum { IDLE, WANTED, READY, FAILED, QUIT } state; /* of the prefetch */
    int target;                                       /* the slot that the thread fills */
    uint64_t wanted_epoch, wanted_batch;
    clg_error fault; /* why FAILED */
};

/* --- The thread's side ------------------------------------------------------------------------ */

/* A permutation by Fisher and Yates (Durstenfeld 1964) that depends on (seed, epoch) alone. */
static void shuffle(clg_loader *loader, uint64_t epoch)
{
    const uint64_t seed = loader->options.seed;
    const uint32_t key[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) };
    uint32_t *order = loader->order;
    for (uint32_t i = 0; i < (uint32_t)loader->count; ++i) order[i] = i;
    for (uint32_t i = (uint32_t)loader->count - 1; i > 0 && loader->options.shuffle; --i) {
        const uint32_t counter[4] = { i, (uint32_t)epoch, (uint32_t)(epoch >> 32), DOMAIN };
        uint32_t bits[4];
        clgi_philox4x32(counter, key, bits);
        const uint32_t j = clgi_philox_below(bits[0], i + 1), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    loader->order_epoch = epoch;
    loader->ordered = 1;
}

static int64_t samples_in(const clg_loader *loader, uint64_t batch)
{
    const int64_t left = loader->count - (int64_t)batch * loader->options.batch;
    return left < loader->options.batch ? left : loader->options.batch;
}

static clg_batch *choose(clg_loader *loader, int index, uint64_t batch)
{
    slot *s = &loader->slots[index];
    return samples_in(loader, batch) < loader->options.batch ? &s->rest : &s->full;
}

static clg_status fill(clg_loader *loader, uint64_t epoch, uint64_t batch, clg_batch *to, clg_error *error)
{
    if (!loader->ordered || loader->order_epoch != epoch) shuffle(loader, epoch);
    const size_t bytes = (size_t)clg_shape_count(clg_dataset_sample_shape(loader->dataset));
    const uint32_t *order = loader->order + batch * (uint64_t)loader->options.batch;
    const size_t n = (size_t)to->count;
    for (size_t i = 0; i < n; ++i) {
        const uint8_t *from = clg_dataset_pixels(loader->dataset, order[i]);
        float *at = loader->pixels + i * bytes;
        for (size_t k = 0; k < bytes; ++k) at[k] = (float)from[k] / 255.0f;
        loader->labels[i] = (int32_t)clg_dataset_label(loader->dataset, order[i]);
    }
    const clg_status status = clg_tensor_write(to->x, loader->pixels, n * bytes * sizeof(float), error);
    return status ? status : clg_tensor_write(to->y, loader->labels, n * sizeof(int32_t), error);
}

static void *work(void *argument)
{
    clg_loader *loader = argument;
    pthread_mutex_lock(&loader->mutex);
    while (loader->state != QUIT) {
        if (loader->state != WANTED) {
            pthread_cond_wait(&loader->changed, &loader->mutex);
            continue;
        }
        const uint64_t epoch = loader->wanted_epoch, batch = loader->wanted_batch;
        clg_batch *to = choose(loader, loader->target, batch);
        clg_error fault = CLG_ERROR_INIT;
        pthread_mutex_unlock(&loader->mutex);
        const clg_status status = fill(loader, epoch, batch, to, &fault);
        pthread_mutex_lock(&loader->mutex);
        if (loader->state == WANTED) loader->state = status ? FAILED : READY;
        loader->fault = fault;
        pthread_cond_broadcast(&loader->changed);
    }
    pthread_mutex_unlock(&loader->mutex);
    return NULL;
}

/* --- The owner's side ------------------------------------------------------------------------- */

static clg_status make_batch(clg_device *device, const clg_dataset *dataset, int64_t n, clg_batch *batch,
                             clg_error *error)
{
    const clg_shape sample = clg_dataset_sample_shape(dataset);
    const clg_shape x = { 4, { n, sample.dim[0], sample.dim[1], sample.dim[2] } }, y = { 1, { n } };
    batch->count = n;
    const clg_status status = clg_tensor_create(device, CLG_F32, x, &batch->x, error);
    return status ? status : clg_tensor_create(device, CLG_I32, y, &batch->y, error);
}

static clg_status make_memory(clg_loader *loader, clg_device *device)
{
    clg_status status = CLG_OK;
    const int64_t n = loader->options.batch, rest = loader->options.drop_last ? 0 : loader->count % n;
    const clg_shape sample = clg_dataset_sample_shape(loader->dataset);
    const size_t floats = (size_t)n * (size_t)clg_shape_count(sample);
    for (int i = 0; i < 2; ++i) {
        CLGI_TRY(make_batch(device, loader->dataset, n, &loader->slots[i].full, &loader->error));
        if (rest) CLGI_TRY(make_batch(device, loader->dataset, rest, &loader->slots[i].rest, &loader->error));
    }
    loader->pixels = clgi_alloc_zero(floats, sizeof *loader->pixels);
    loader->labels = clgi_alloc_zero((size_t)n, sizeof *loader->labels);
    loader->order = clgi_alloc_zero((size_t)loader->count, sizeof *loader->order);
    if (!loader->pixels || !loader->labels || !loader->order) {
        CLGI_TRY(clgi_fail_memory(&loader->error, floats * sizeof *loader->pixels));
    }
out:
    return status;
}

/* Signals stay with the program's own threads. */
static clg_status start(clg_loader *loader)
{
    sigset_t all, before;
    int mutex = 0, changed = 0;
    if (!(mutex = !pthread_mutex_init(&loader->mutex, NULL))) goto fail;
    if (!(changed = !pthread_cond_init(&loader->changed, NULL))) goto fail;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    loader->started = !pthread_create(&loader->thread, NULL, work, loader);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (loader->started) return CLG_OK;
fail:
    if (changed) pthread_cond_destroy(&loader->changed);
    if (mutex) pthread_mutex_destroy(&loader->mutex);
    return clgi_fail(&loader->error, CLG_ENOMEM, "loader: no thread to be had from the system");
}

static clg_status check(clg_loader *loader, clg_device *device)
{
    clg_error *error = &loader->error;
    if (!device || !loader->dataset)
        return clgi_fail(error, CLG_EINVAL, "loader: device or data set is NULL");
    const int64_t batch = loader->options.batch, count = clg_dataset_count(loader->dataset);
    if (batch < 1)
        return clgi_fail(error, CLG_EINVAL, "loader: batch must be at least 1: %lld", (long long)batch);
    if (batch > count) {
        return clgi_fail(error, CLG_EINVAL, "loader: batch is larger than the data: %lld of %lld samples",
                         (long long)batch, (long long)count);
    }
    loader->count = count;
    loader->length = loader->options.drop_last ? count / batch : (count + batch - 1) / batch;
    return CLG_OK;
}

clg_loader *clg_loader_create(clg_device *device, const clg_dataset *dataset,
                              const clg_loader_options *options)
{
    clg_status status = CLG_OK;
    clg_loader *loader = clgi_alloc_zero(1, sizeof *loader);
    if (!loader) return NULL;
    loader->dataset = dataset;
    loader->options = options ? *options : (clg_loader_options)CLG_LOADER_OPTIONS_INIT;
    CLGI_TRY(check(loader, device));
    CLGI_TRY(make_memory(loader, device));
    CLGI_TRY(start(loader));
out:
    (void)status; /* kept in loader->error, which next() returns */
    return loader;
}

void clg_loader_destroy(clg_loader *loader)
{
    if (!loader) return;
    if (loader->started) {
        pthread_mutex_lock(&loader->mutex);
        loader->state = QUIT;
        pthread_cond_broadcast(&loader->changed);
        pthread_mutex_unlock(&loader->mutex);
        pthread_join(loader->thread, NULL);
        pthread_cond_destroy(&loader->changed);
        pthread_mutex_destroy(&loader->mutex);
    }
    for (int i = 0; i < 4; ++i) {
        clg_batch *batch = i < 2 ? &loader->slots[i].full : &loader->slots[i - 2].rest;
        clg_tensor_destroy(batch->x);
        clg_tensor_destroy(batch->y);
    }
    clgi_free(loader->pixels);
    clgi_free(loader->labels);
    clgi_free(loader->order);
    clgi_free(loader);
}

/* Both with the mutex held. */
static void want(clg_loader *loader, uint64_t epoch, uint64_t batch)
{
    loader->wanted_epoch = epoch;
    loader->wanted_batch = batch;
    loader->state = WANTED;
    pthread_cond_broadcast(&loader->changed);
}

static void wait_done(clg_loader *loader)
{
    while (loader->state == WANTED) pthread_cond_wait(&loader->changed, &loader->mutex);
}

clg_status clg_loader_next(clg_loader *loader, clg_batch *ret_batch)
{
    if (!loader || !ret_batch) return CLG_EINVAL;
    if (loader->error.status) return loader->error.status;
    if (loader->batch == (uint64_t)loader->length) {
        loader->epoch++;
        loader->batch = 0;
        return CLG_END;
    }
    pthread_mutex_lock(&loader->mutex);
    if (loader->state == IDLE) want(loader, loader->epoch, loader->batch);
    wait_done(loader);
    if (loader->state == FAILED) {
        clgi_error_copy(&loader->error, &loader->fault);
        pthread_mutex_unlock(&loader->mutex);
        return loader->error.status;
    }
    *ret_batch = *choose(loader, loader->target, loader->batch);
    /* The other slot is the owner's last batch, given back by this call. */
    loader->target = !loader->target;
    loader->batch++;
    const int ends = loader->batch == (uint64_t)loader->length;
    want(loader, loader->epoch + (ends ? 1 : 0), ends ? 0 : loader->batch);
    pthread_mutex_unlock(&loader->mutex);
    return CLG_OK;
}

clg_status clg_loader_seek(clg_loader *loader, uint64_t epoch, uint64_t batch)
{
    if (!loader) return CLG_EINVAL;
    if (loader->error.status) return loader->error.status;
    if (batch > (uint64_t)loader->length) {
        clg_error *error = &loader->error;
        return clgi_fail(error, CLG_ERANGE, "loader: seek past the end of the epoch: batch %llu of %lld",
                         (unsigned long long)batch, (long long)loader->length);
    }
    pthread_mutex_lock(&loader->mutex);
    wait_done(loader);
    loader->state = IDLE; /* what was prepared is dropped; the owner's slot is not touched */
    pthread_mutex_unlock(&loader->mutex);
    loader->epoch = epoch;
    loader->batch = batch;
    return CLG_OK;
}

const clg_error *clg_loader_error(const clg_loader *loader)
{
    return &loader->error;
}

int64_t clg_loader_length(const clg_loader *loader)
{
    return loader->length;
}
