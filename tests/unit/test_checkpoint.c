/* Checkpoints: exact state back, the one before when the file is cut or changed at any byte, and what is
 * refused. */
#include "model_case.h"

#include "base/memory.h"
#include "io/checkpoint.h"

#include <clgrad/graph.h>

typedef struct run {
    clg_device *device;
    clg_module *net;
    clg_optimizer *optimizer;
} run;

static run run_begin(uint64_t seed)
{
    run r = { NULL, NULL, NULL };
    clg_error error = CLG_ERROR_INIT;
    const clg_adamw_options options = CLG_ADAMW_OPTIONS_INIT;
    expect_ok(clg_device_open("host", &r.device, &error), &error);
    r.net = model_make(r.device, 3, seed);
    r.optimizer = clg_adamw(r.net, &options);
    expect_ok(clg_optimizer_error(r.optimizer)->status, clg_optimizer_error(r.optimizer));
    return r;
}

static void run_end(run *r)
{
    clg_optimizer_destroy(r->optimizer);
    clg_module_destroy(r->net);
    clg_device_close(r->device);
}

/* Module and optimiser states. */
static model_values run_read(const run *r)
{
    model_values all = model_read(r->net);
    for (size_t i = 0; i < clg_optimizer_state_count(r->optimizer); ++i) {
        const char *name;
        tensor_append(clg_optimizer_state(r->optimizer, i, &name), &all);
    }
    return all;
}

/* States that differ from each other and from zero, as training would leave them. */
static void run_disturb(run *r, float start)
{
    clg_error error = CLG_ERROR_INIT;
    for (size_t i = 0; i < clg_optimizer_state_count(r->optimizer); ++i) {
        const char *name;
        clg_tensor *tensor = clg_optimizer_state(r->optimizer, i, &name);
        const size_t n = (size_t)clg_shape_count(clg_tensor_shape(tensor));
        float values[400];
        assert_true(n > 0 && n <= 400);
        for (size_t k = 0; k < n; ++k) values[k] = start + (float)(i * n + k);
        expect_ok(clg_tensor_write(tensor, values, n * sizeof *values, &error), &error);
    }
    clg_optimizer_set_step(r->optimizer, (uint64_t)start);
}

static const clg_progress first = { 1, 2, 3, 0xfedcba9876543210u, { 5, 6, 7 }, 8, 9, { 0 } };
static const clg_progress second = { 4, 0, 9, 7, { 0 }, 0, 0, { 0 } };
static const char *const metadata[] = { "recipe", "cnn", NULL };
static const char *const names[] = { "c", "c.previous" };

static void save(file_case *c, run *r, const clg_progress *progress)
{
    clg_error error = CLG_ERROR_INIT;
    expect_ok(clg_checkpoint_save(case_path(c, "c"), r->net, r->optimizer, progress, metadata, &error),
              &error);
}

/* Loads into a fresh run and compares with `wanted`. `why`: NULL, or a part of the reason for the one
 * before. */
static void expect_loaded(file_case *c, const model_values *wanted, const clg_progress *progress,
                          uint64_t step, const char *why)
{
    run r = run_begin(99);
    clg_error error = CLG_ERROR_INIT;
    clg_progress found;
    char *reason = NULL;
    memset(&found, 0xff, sizeof found);
    expect_ok(clg_checkpoint_load(case_path(c, "c"), r.net, r.optimizer, &found, &reason, &error), &error);
    const model_values values = run_read(&r);
    expect_same(&values, wanted);
    assert_memory_equal(&found, progress, sizeof found);
    assert_int_equal(clg_optimizer_step(r.optimizer), step);
    if (why && (!reason || !strstr(reason, why)))
        fail_msg("wanted '%s' in: %s", why, reason ? reason : "nothing");
    if (!why) assert_null(reason);
    clg_text_free(reason);
    run_end(&r);
}

static void test_round_trip(void **state)
{
    (void)state;
    run r = run_begin(1);
    file_case c = case_begin();
    run_disturb(&r, 17);
    const model_values before = run_read(&r);
    save(&c, &r, &first);
    expect_loaded(&c, &before, &first, 17, NULL);
    run_disturb(&r, 30);
    const model_values after = run_read(&r);
    save(&c, &r, &second);
    expect_loaded(&c, &after, &second, 30, NULL);
    unlink(case_path(&c, "c")); /* as a crash between two renames would leave it */
    expect_loaded(&c, &before, &first, 17, "No such file");
    case_finish(&c, names, 2);
    run_end(&r);
}

/* The texts can be read without a model, also from the one before. */
static void test_metadata(void **state)
{
    (void)state;
    run r = run_begin(1);
    file_case c = case_begin();
    clg_error error = CLG_ERROR_INIT, gone = CLG_ERROR_INIT;
    char *value = NULL;
    size_t size;
    save(&c, &r, &first);
    save(&c, &r, &second);
    expect_ok(clg_model_metadata(case_path(&c, "c"), "recipe", &value, &error), &error);
    assert_string_equal(value, "cnn");
    clg_text_free(value);
    char *bytes = case_read(c.path, &size);
    case_write(c.path, bytes, size - 1);
    expect_ok(clg_model_metadata(c.path, "recipe", &value, &error), &error);
    assert_string_equal(value, "cnn");
    clg_text_free(value);
    unlink(case_path(&c, "c.previous"));
    assert_int_equal(clg_model_metadata(case_path(&c, "c"), "recipe", &value, &gone), CLG_EFORMAT);
    free(bytes);
    case_finish(&c, names, 2);
    run_end(&r);
}

/* Every cut and every changed byte is noticed. */
static void test_damage_is_noticed(void **state)
{
    (void)state;
    run r = run_begin(1);
    file_case c = case_begin();
    clg_error good = CLG_ERROR_INIT;
    clgi_safetensors file;
    clg_progress progress;
    size_t size;
    save(&c, &r, &first);
    char *bytes = case_read(case_path(&c, "c"), &size);
    expect_ok(clgi_checkpoint_open("c", bytes, size, &file, &progress, &good), &good);
    clgi_safetensors_finish(&file);
    for (size_t cut = 0; cut < size; ++cut) {
        assert_int_equal(clgi_checkpoint_open("c", bytes, cut, &file, &progress, NULL), CLG_EFORMAT);
    }
    for (size_t i = 0; i < size; ++i) {
        for (int bit = 0; bit < 8; bit += 7) {
            bytes[i] = (char)(bytes[i] ^ 1 << bit);
            assert_int_equal(clgi_checkpoint_open("c", bytes, size, &file, &progress, NULL), CLG_EFORMAT);
            bytes[i] = (char)(bytes[i] ^ 1 << bit);
        }
    }
    free(bytes);
    case_finish(&c, names, 2);
    run_end(&r);
}

static void test_cut_takes_the_one_before(void **state)
{
    (void)state;
    run r = run_begin(1);
    file_case c = case_begin();
    clg_error error = CLG_ERROR_INIT;
    clg_progress found;
    size_t size;
    run_disturb(&r, 17);
    const model_values before = run_read(&r);
    save(&c, &r, &first);
    run_disturb(&r, 30);
    save(&c, &r, &second);
    char *bytes = case_read(case_path(&c, "c"), &size);
    const size_t cuts[] = { 0, 1, 8, 47, 56, size / 2, size - 48, size - 47, size - 1 };
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; ++i) {
        case_write(case_path(&c, "c"), bytes, cuts[i]);
        expect_loaded(&c, &before, &first, 17, "c.previous was taken: checkpoint: ");
    }
    bytes[size / 2] ^= 4;
    case_write(case_path(&c, "c"), bytes, size);
    expect_loaded(&c, &before, &first, 17, "wrong checksum");
    /* Saving over a damaged file leaves the sound one before where it is. */
    save(&c, &r, &second);
    unlink(case_path(&c, "c"));
    expect_loaded(&c, &before, &first, 17, "No such file");
    case_write(case_path(&c, "c"), bytes, size);
    /* Both damaged: both are told, and the module stays as it was. */
    case_write(case_path(&c, "c.previous"), "short", 5);
    const model_values own = run_read(&r);
    assert_int_equal(clg_checkpoint_load(case_path(&c, "c"), r.net, r.optimizer, &found, NULL, &error),
                     CLG_EFORMAT);
    expect_error(&error, CLG_EFORMAT, "wrong checksum");
    expect_error(&error, CLG_EFORMAT, "c.previous: too short: 5 bytes");
    const model_values still = run_read(&r);
    expect_same(&own, &still);
    free(bytes);
    case_finish(&c, names, 2);
    run_end(&r);
}

/* The file with another key in the place of the optimiser's name, and sealed anew. */
static void forget_optimizer(const char *path)
{
    static const char key[] = "clgrad.optimizer\":";
    size_t size;
    uint64_t header;
    char *bytes = case_read(path, &size), *at = memmem(bytes, size, key, sizeof key - 1);
    assert_non_null(at);
    memcpy(at, "clgrad.optimizes", 16);
    memcpy(&header, bytes, sizeof header);
    header += sizeof header;
    clgi_checkpoint_seal(bytes, header, bytes + header, size - header);
    case_write(path, bytes, size);
    free(bytes);
}

/* A sound file of another model or optimiser is an error; the one before would not help. */
static void test_does_not_fit(void **state)
{
    (void)state;
    run r = run_begin(1);
    file_case c = case_begin();
    clg_error sgd_error = CLG_ERROR_INIT, old_error = CLG_ERROR_INIT, wide_error = CLG_ERROR_INIT;
    clg_progress found;
    clg_sgd_options options = CLG_SGD_OPTIONS_INIT;
    options.momentum = 0.9f;
    save(&c, &r, &first);
    save(&c, &r, &first);
    clg_optimizer *sgd = clg_sgd(r.net, &options);
    assert_int_equal(clg_checkpoint_load(case_path(&c, "c"), r.net, sgd, &found, NULL, &sgd_error),
                     CLG_EFORMAT);
    expect_error(&sgd_error, CLG_EFORMAT, "c is a checkpoint of optimizer adamw, not sgd");
    forget_optimizer(case_path(&c, "c")); /* as older files: the tensors tell */
    assert_int_equal(clg_checkpoint_load(case_path(&c, "c"), r.net, sgd, &found, NULL, &old_error),
                     CLG_EFORMAT);
    expect_error(&old_error, CLG_EFORMAT, "'optimizer.momentum");
    clg_module *wide = model_make(r.device, 4, 1);
    assert_int_equal(clg_checkpoint_load(case_path(&c, "c"), wide, NULL, &found, NULL, &wide_error),
                     CLG_ESHAPE);
    expect_error(&wide_error, CLG_ESHAPE, "'module.0.weight'");
    clg_optimizer_destroy(sgd);
    clg_module_destroy(wide);
    case_finish(&c, names, 2);
    run_end(&r);
}

/* Each request of memory fails once while saving: the files stay good, nothing is lost or left behind. */
static void test_out_of_memory(void **state)
{
    (void)state;
    run r = run_begin(1);
    file_case c = case_begin();
    run_disturb(&r, 17);
    save(&c, &r, &first);
    const model_values before = run_read(&r);
    const uint64_t alive = clgi_alloc_alive();
    clg_status status = CLG_ENOMEM;
    uint64_t n = 1;
    for (; status && n < 500; ++n) {
        case_path(&c, "c");
        clgi_alloc_fail_at(n, 1);
        status = clg_checkpoint_save(c.path, r.net, r.optimizer, &first, metadata, NULL);
        clgi_alloc_fail_at(0, 0);
        assert_int_equal(clgi_alloc_alive(), alive);
    }
    assert_int_equal(status, CLG_OK);
    assert_true(n > 10);
    expect_loaded(&c, &before, &first, 17, NULL);
    case_finish(&c, names, 2);
    run_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),        cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_damage_is_noticed), cmocka_unit_test(test_cut_takes_the_one_before),
        cmocka_unit_test(test_does_not_fit),      cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
