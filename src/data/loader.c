/* The loader: a thread prepares the next batch in one of two pairs of stored tensors while the owner uses the
 * other. Position and order are pure arithmetic on (seed, epoch, batch), so seeking is exact.
 * The thread touches a pair only when the owner does not hold it; everything shared is under one mutex.   */
#include <clgrad/data.h>

#include "base/memory.h"
#include "base/philox.h"
#include "data/dataset.h"

#include <pthread.h>
#include <signal.h>

/* Keep these draws apart from others with the same seed. */
enum { DOMAIN_ORDER = 0x73687566, DOMAIN_VIEW = 0x76696577, DOMAIN_OFFSET = 0x6f666673 };

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
    void *x; /* staging of one batch; the thread's. f32, of a text i32 */
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
        const uint32_t counter[4] = { i, (uint32_t)epoch, (uint32_t)(epoch >> 32), DOMAIN_ORDER };
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

/* Four random words of (seed, epoch, index). */
static void draw(const clg_loader *loader, uint64_t epoch, uint32_t index, uint32_t domain, uint32_t bits[4])
{
    const uint64_t seed = loader->options.seed;
    const uint32_t key[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) };
    const uint32_t counter[4] = { index, (uint32_t)epoch, (uint32_t)(epoch >> 32), domain };
    clgi_philox4x32(counter, key, bits);
}

static clgi_view draw_view(const clg_loader *loader, uint64_t epoch, uint32_t index)
{
    const int32_t crop = loader->options.crop;
    uint32_t bits[4];
    if (!crop && !loader->options.flip) return (clgi_view){ 0 };
    draw(loader, epoch, index, DOMAIN_VIEW, bits);
    const uint32_t places = 2 * (uint32_t)crop + 1;
    return (clgi_view){ (int32_t)clgi_philox_below(bits[0], places) - crop,
                        (int32_t)clgi_philox_below(bits[1], places) - crop,
                        loader->options.flip && bits[2] >> 31 };
}

/* Windows of a text begin elsewhere in each epoch, where the order is random at all. */
static int64_t draw_offset(const clg_loader *loader, uint64_t epoch)
{
    uint32_t bits[4];
    if (!loader->options.shuffle) return 0;
    draw(loader, epoch, 0, DOMAIN_OFFSET, bits);
    return clgi_philox_below(bits[0], (uint32_t)loader->dataset->sample.dim[0]);
}

static clg_status fill(clg_loader *loader, uint64_t epoch, uint64_t batch, clg_batch *to, clg_error *error)
{
    if (!loader->ordered || loader->order_epoch != epoch) shuffle(loader, epoch);
    const clg_dataset *data = loader->dataset;
    const size_t elements = (size_t)clg_shape_count(data->sample), n = (size_t)to->count;
    const uint32_t *order = loader->order + batch * (uint64_t)loader->options.batch;
    const int64_t offset = data->length ? draw_offset(loader, epoch) : 0;
    for (size_t i = 0; i < n; ++i) {
        if (data->length) {
            clgi_dataset_window(data, order[i], offset, (int32_t *)loader->x + i * elements,
                                loader->labels + i * elements);
            continue;
        }
        clgi_dataset_view(data, order[i], draw_view(loader, epoch, order[i]),
                          (float *)loader->x + i * elements);
        loader->labels[i] = (int32_t)clg_dataset_label(data, order[i]);
    }
    const size_t labels = data->length ? n * elements : n;
    const clg_status status = clg_tensor_write(to->x, loader->x, n * elements * sizeof(float), error);
    return status ? status : clg_tensor_write(to->y, loader->labels, labels * sizeof(int32_t), error);
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
    clg_shape x = { 1 + sample.ndim, { n } }, y = { 1, { n } };
    for (int d = 0; d < sample.ndim; ++d) x.dim[1 + d] = sample.dim[d];
    if (dataset->length) y = x;
    batch->count = n;
    const clg_status status =
        clg_tensor_create(device, dataset->length ? CLG_I32 : CLG_F32, x, &batch->x, error);
    return status ? status : clg_tensor_create(device, CLG_I32, y, &batch->y, error);
}

static clg_status make_memory(clg_loader *loader, clg_device *device)
{
    clg_status status = CLG_OK;
    const int64_t n = loader->options.batch, rest = loader->options.drop_last ? 0 : loader->count % n;
    const clg_shape sample = clg_dataset_sample_shape(loader->dataset);
    const size_t elements = (size_t)n * (size_t)clg_shape_count(sample);
    for (int i = 0; i < 2; ++i) {
        CLGI_TRY(make_batch(device, loader->dataset, n, &loader->slots[i].full, &loader->error));
        if (rest) CLGI_TRY(make_batch(device, loader->dataset, rest, &loader->slots[i].rest, &loader->error));
    }
    loader->x = clgi_alloc_zero(elements, sizeof(float));
    loader->labels = clgi_alloc_zero(loader->dataset->length ? elements : (size_t)n, sizeof *loader->labels);
    loader->order = clgi_alloc_zero((size_t)loader->count, sizeof *loader->order);
    if (!loader->x || !loader->labels || !loader->order) {
        CLGI_TRY(clgi_fail_memory(&loader->error, elements * sizeof(float)));
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
    const int32_t crop = loader->options.crop;
    const int images = !loader->dataset->length;
    if (!images && (crop || loader->options.flip))
        return clgi_fail(error, CLG_EINVAL, "loader: flips and crops are for images, not for a text");
    if (crop < 0 ||
        (images && (crop > loader->dataset->sample.dim[0] || crop > loader->dataset->sample.dim[1])))
        return clgi_fail(error, CLG_EINVAL, "loader: crop must be in 0 .. side of the images: %d", (int)crop);
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
    clgi_free(loader->x);
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
