/* The command as a user meets it: messages, exit codes, files. Runs CLGRAD_COMMAND on the host device. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include <clgrad/clgrad.h>

static char folder[64], output[1 << 20];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/clgrad-cli-XXXXXX");
    return access(CLGRAD_COMMAND, X_OK) || !mkdtemp(folder);
}

static int remove_folder(void **state)
{
    char command[100];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

/* Runs `clgrad ARGUMENTS`, stdout and stderr into `output`; `%F` stands for the folder. */
static int run(const char *arguments)
{
    char command[1000], text[800];
    const char *mark = arguments;
    size_t length = 0;
    for (; *mark; ++mark) {
        int is_mark = mark[0] == '%' && mark[1] == 'F';
        length += (size_t)snprintf(text + length, sizeof text - length, is_mark ? "%s" : "%.1s",
                                   is_mark ? folder : mark);
        mark += is_mark;
    }
    text[length] = 0;
    snprintf(command, sizeof command, "CLGRAD_DEVICE=host '%s' %s 2>&1", CLGRAD_COMMAND, text);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t n = fread(output, 1, sizeof output - 1, pipe);
    output[n] = 0;
    int status = pclose(pipe);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void expect(const char *arguments, int code, const char *part)
{
    int got = run(arguments);
    if (got != code || !strstr(output, part))
        fail_msg("clgrad %s: exit code %d (want %d), output without \"%s\":\n%s", arguments, got, code, part,
                 output);
}

static void bad_usage(void **state)
{
    static const struct {
        const char *arguments;
        int code;
        const char *message;
    } rows[] = {
        { "", 2, "usage: clgrad VERB" },
        { "trian mlp", 2, "clgrad: no such verb: trian; did you mean `train`?" },
        { "xyzzy-plugh", 2, "clgrad: no such verb: xyzzy-plugh; `clgrad help` lists them" },
        { "help divices", 2, "clgrad: no such verb: divices; did you mean `devices`?" },
        { "train", 2, "clgrad train: missing: RECIPE" },
        { "train cmm", 2, "clgrad train: no such recipe: cmm; did you mean cnn?" },
        { "train transformer", 2,
          "clgrad train: no such recipe: transformer; `clgrad help train` lists them" },
        { "train mlp cnn", 2, "clgrad train: one word too many: cnn" },
        { "train mlp --epoxhs 3", 2, "clgrad train: no such option: --epoxhs; did you mean --epochs?" },
        { "train mlp --epoxhs=3", 2, "clgrad train: no such option: --epoxhs; did you mean --epochs?" },
        { "train mlp --epochs", 2, "clgrad train: --epochs needs a value" },
        { "train mlp --epochs three", 2, "clgrad train: --epochs: not a whole number of at least 1: three" },
        { "train mlp --epochs 0", 2, "clgrad train: --epochs: not a whole number of at least 1: 0" },
        { "train mlp --batch 99999999999999999999", 2, "--batch: not a whole number" },
        { "train mlp --lr fast", 2, "clgrad train: --lr: not a number: fast" },
        { "train mlp --lr -1", 2, "adam: lr must be in [0, 1e+30): -1" },
        { "train mlp --resume=yes", 2, "clgrad train: --resume takes no value" },
        { "train mlp --resume", 2, "clgrad train: --resume needs --checkpoint FILE" },
        { "train mlp --schedule linear", 2,
          "no such schedule: linear; did you mean plateau? There are constant, cosine, one-cycle, step, "
          "plateau" },
        { "train mlp --optimizer adan", 2, "no such optimizer: adan; did you mean adam? There are sgd, " },
        { "train mlp --optimizer quickprop-2", 2,
          "no such optimizer: quickprop-2. There are sgd, adam, adamw, rmsprop, adagrad, lion" },
        /* Options that would have no effect. */
        { "train mlp --momentum 0.9", 2, "--momentum has no effect with adam: it is for sgd, rmsprop" },
        { "train mlp --optimizer lion --eps 1e-8", 2,
          "--eps has no effect with lion: it is for adam, adamw, rmsprop, adagrad" },
        { "train resnet20 --optimizer rmsprop --nesterov", 2, "--nesterov has no effect with rmsprop" },
        { "train resnet20 --nesterov --momentum 0", 2, "--nesterov has no effect without momentum" },
        { "train resnet20 --warmup 10", 2, "--warmup has no effect with one-cycle" },
        { "train mlp --lr-factor 0.5", 2, "--lr-factor has no effect with cosine: it is for step, plateau" },
        { "train mlp --beta1 0", 2, "--beta1: not a number above 0: 0" },
        { "train mlp --beta1 1", 2, "beta1 must be in" },
        { "train mlp --average 1", 2, "average: decay must be in [0, 1): 1" },
        { "train mlp --clip -1", 2, "max_norm must be in" },
        { "train mlp --schedule step --lr-factor 1", 2, "the schedule's factor must be in [0, 1): 1" },
        { "train mlp --epochs 1 --steps 3", 2, "--epochs and --steps exclude each other" },
        { "train mlp --data x --samples 30", 2, "--samples has no effect with --data" },
        { "train mlp --checkpoint-steps 3", 2, "--checkpoint-steps needs --checkpoint FILE" },
        { "eval m --data x --samples 30", 2, "--samples has no effect with --data" },
        { "sample m --temperature 0 --top-k 3", 2, "--top-k has no effect with --temperature 0" },
        { "plan mlp --precision f16", 2, "clgrad plan: --precision: not one of f32|bf16: f16" },
        { "train mlp --memory-limit 0", 2, "--memory-limit: not a whole number of at least 1: 0" },
        { "plan mlp --memory-limit 64M", 2, "--memory-limit: not a whole number of at least 1: 64M" },
        { "plan mlp --memory-limit 4096", 6, "plan: the memory limit of 4096 bytes cannot be kept" },
        { "train mlp --precision f", 2, "--precision: not one of f32|bf16: f" },
        { "sample m --precision", 2, "--precision needs a value" },
        { "check --differences --precision bf16", 2, "--differences takes --filter and --failed only" },
        { "train mlp --samples 40 --batch 20 --epochs 1 --accumulate 3", 2,
          "nothing is learned: an update takes 3 steps (accumulate), the run has 2" },
        { "train mlp --samples 40 --batch 20 --epochs 2 --accumulate 3 --max-steps 2", 2, "the run has 2" },
        { "check --differences --every 2", 2, "--differences takes --filter and --failed only" },
        { "check --json --failed", 2, "--failed has no effect with --json" },
        /* One file for two things. */
        { "train mlp --save %F/x --log %F/x", 2, "--save and --log name the same file: " },
        { "train mlp --checkpoint %F/x --curve %F/x", 2, "--checkpoint and --curve name the same file: " },
        { "train mlp --save %F/x --curve %F/.//x", 2, "--save and --curve name the same file: " },
        { "train mlp --save %F/x --log %F/x.checkpoint", 2, "--checkpoint and --log name the same file: " },
        { "train mlp --device hots", 3, "hots" },
        { "train mlp --data /nonexistent", 4, "/nonexistent" },
        { "train mlp --samples 100 --batch 101", 2, "101" },
        { "train mlp --samples 100 --max-steps 1 --batch 50 --log /nonexistent/log", 4, "/nonexistent/log" },
        { "eval /nonexistent/model", 4, "/nonexistent/model" },
        { "predict %F", 4, "" },
        { "check --family tpu", 2, "no such family: tpu" },
        { "check --filter zzzzzzzz", 2, "no case contains \"zzzzzzzz\"; `clgrad ops` lists the ops" },
        { "check --filter matmil", 2, "no case contains \"matmil\"; did you mean matmul?" },
        { "plan mlp --stage fuze", 2, "no such stage: fuze; there are graph, lower, simplify, view, fuse" },
        { "devices --jsn", 2, "no such option: --jsn; did you mean --json?" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i)
        expect(rows[i].arguments, rows[i].code, rows[i].message);
}

static void help_texts(void **state)
{
    static const char *const verbs[] = { "devices", "train", "eval", "predict", "sample",
                                         "check",   "plan",  "ops",  "env",     "version" };
    char arguments[64], part[64];
    (void)state;
    expect("help", 0, "to begin with" + 1);
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; ++i) {
        snprintf(part, sizeof part, "usage: clgrad %s", verbs[i]);
        snprintf(arguments, sizeof arguments, "help %s", verbs[i]);
        expect(arguments, 0, part);
        snprintf(arguments, sizeof arguments, "%s --help", verbs[i]);
        expect(arguments, 0, part);
        /* Where there is a device to choose, there is its precision. */
        assert_int_equal(!strstr(output, "--device D"), !strstr(output, "--precision f32|bf16"));
    }
    expect("--version", 0, clg_version());
    expect("train --help", 0, "--weight-decay X");
    expect("help train", 0, "cnn");
}

static void tables(void **state)
{
    (void)state;
    expect("ops", 0, "matmul");
    expect("ops", 0, "relu");
    expect("env", 0, "CLGRAD_DEVICE");
    expect("env", 0, "[now: host]");
    expect("plan mlp --batch 8", 0, "device: ");
    expect("plan cnn --batch 8 --eval", 0, "device: ");
    expect("plan mlp --batch 8 --stage summary", 0, "without fusion");
    expect("plan mlp --stage nonsense", 2, "nonsense");
}

static void devices(void **state)
{
    (void)state;
    expect("devices --no-probe", 0, "host");
    const char *line = strstr(output, "\nhost ");
    assert_non_null(line);
    assert_null(strstr(line, " 0.0 ")); /* what was not measured is no figure */
    assert_int_equal(run("devices --no-probe --json"), 0);
    json_error_t error;
    json_t *document = json_loads(output, 0, &error);
    if (!document) fail_msg("%s: %s", error.text, output);
    json_t *list = json_object_get(document, "devices");
    int found = 0;
    for (size_t i = 0; i < json_array_size(list); ++i)
        found |= !strcmp(json_string_value(json_object_get(json_array_get(list, i), "id")), "host");
    assert_true(found);
    json_decref(document);
}

static int exists(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return !access(path, R_OK);
}

static int same_files(const char *a, const char *b)
{
    char command[300];
    snprintf(command, sizeof command, "cmp -s %s/%s %s/%s", folder, a, folder, b);
    return system(command) == 0;
}

static void a_run_and_its_files(void **state)
{
    (void)state;
    expect("train mlp --samples 300 --epochs 1 --batch 50 --save %F/m --log %F/l --curve %F/c.svg", 0,
           "device: ");
    assert_int_equal(strncmp(output, "device: ", 8), 0); /* the first line */
    assert_non_null(strstr(output, "epoch 1/1: loss "));
    char *last = strstr(output, "\ndone: test accuracy ");
    assert_non_null(last);
    assert_non_null(strstr(last, "trained in "));
    assert_non_null(strstr(last, "fallbacks 0, plans "));
    assert_non_null(strstr(last, "peak memory "));
    assert_null(strchr(output, '\r')); /* no bar without a terminal */
    assert_true(exists("m") && exists("l") && exists("c.svg") && exists("m.checkpoint"));
    expect("eval %F/m", 0, "accuracy 0.");
    expect("eval %F/m", 0, "2000 samples");
    expect("predict %F/m --count 4", 0, "label");
    assert_non_null(strstr(output, "@")); /* ink */
    expect("predict %F/m --first 999999", 2, "the data has only 2000 samples: 999999");
    /* A run that ends inside its first epoch has a curve, too. */
    expect("train mlp --samples 300 --batch 50 --max-steps 2 --curve %F/part.svg", 0, "done: ");
    assert_true(exists("part.svg"));
    /* Damage. */
    char command[300];
    snprintf(command, sizeof command, "head -c 5000 %s/m > %s/cut", folder, folder);
    assert_int_equal(system(command), 0);
    expect("eval %F/cut", 4, "cut");
}

/* A checkpoint goes on with the run that it is of, or tells what the difference is. */
static void other_run(void **state)
{
#define RUN "train mlp --samples 60 --batch 30 --max-steps 3 --checkpoint %F/other "
    (void)state;
    expect("train mlp --samples 60 --batch 30 --max-steps 1 --checkpoint %F/other", 0, "done: ");
    expect("train cnn --samples 60 --batch 30 --max-steps 2 --checkpoint %F/other --resume", 4,
           "other is of recipe mlp, not cnn");
    expect(RUN "--resume --optimizer sgd", 4, "other is a checkpoint of optimizer adam, not sgd");
    expect(
        RUN "--resume --batch 20", 2,
        "other is of a run with 30 samples per step (batch), this one has 20, which would not continue it: "
        "take 30, or begin anew");
    expect(RUN "--resume --samples 90", 2, "is of a run with 60 training samples, this one has 90");
    expect(RUN "--resume", 0, "resume: continuing after step 1");
#undef RUN
    /* Too few steps for an update, which a resumed run makes up for. */
    expect("train mlp --samples 60 --batch 30 --max-steps 1 --accumulate 4 --checkpoint %F/few", 0,
           "nothing is learned: an update takes 4 steps (accumulate), the run has 1");
    expect("train mlp --samples 60 --batch 30 --accumulate 4 --checkpoint %F/few --resume", 0, "done: ");
    assert_null(strstr(output, "nothing is learned"));
}

/* The host has no matrix engine, and says so. Devices that have one: tests/ops/test_engine.c. */
static void precision(void **state)
{
    (void)state;
    expect("plan mlp --batch 8 --precision bf16", 0,
           "\nprecision: f32, for no matrix engine for bf16 is used\n");
    expect("plan mlp --batch 8 --precision f32", 0, "device: ");
    assert_null(strstr(output, "precision: "));
    expect("check --device host --precision bf16 --filter 'relu f32' --failed", 0, " 0 failed");
}

/* Pictures and texts through every verb; few steps. */
static void pictures(void **state)
{
    (void)state;
    expect("train resnet20 --samples 24 --batch 8 --epochs 1 --save %F/pictures", 0, "done: test accuracy");
    expect("eval %F/pictures --samples 20 --batch 10", 0, "20 samples");
    expect("predict %F/pictures --count 1", 0, "label 0");
    expect("plan resnet20 --batch 4", 0, "device: ");
    expect("train resnet20 --data /nonexistent", 4, "clgrad: pictures: /nonexistent: ");
    expect("train resnet20 --data %F", 4, "no JPEG files named train/CLASS/NAME.jpg");
    expect("sample %F/pictures", 4, "has no vocabulary: it was not trained on a text");
}

/* Figures of this text from elsewhere: a few lines of Python with a dictionary. */
static void expect_ngrams(void)
{
    static const double wanted[] = { 2.60768, 2.4573, 2.54529, 2.63835, 2.7224 };
    const char *at = strstr(output, "test loss of n-grams, for comparison: n = ");
    assert_non_null(at);
    for (int n = 0; n < 5; ++n) {
        at = strchr(at, ':') + 1;
        if (n == 0) at = strchr(at, ':') + 1;
        if (!(fabs(atof(at) - wanted[n]) < 1e-4)) fail_msg("%d-grams: %s", n + 1, at);
    }
}

static void texts(void **state)
{
    char first[400];
    (void)state;
    expect("train gpt --samples 100 --steps 3 --save %F/text --seed 2", 0, "epoch 1/");
    expect_ngrams();
    expect("sample %F/text --prompt 12+ --count 30 --seed 4", 0, "12+");
    snprintf(first, sizeof first, "%.399s", output);
    expect("sample %F/text --prompt 12+ --count 30 --seed 4", 0, first);
    expect("sample %F/text --prompt 12+ --count 30 --seed 5", 0, "12+");
    assert_string_not_equal(first, output);
    /* The likeliest character, however it is asked for. */
    expect("sample %F/text --prompt 12+ --count 90 --temperature 0", 0, "12+");
    snprintf(first, sizeof first, "%.399s", output);
    expect("sample %F/text --prompt 12+ --count 90 --top-k 1", 0, first);
    expect("sample %F/text --prompt 12+ --count 90 --top-k 1", 0, "done: 90 characters, plans 2\n");
    expect("sample %F/text --prompt 12+ --count 90 --top-p 0.000001", 0, first);
    expect("sample %F/text --prompt 12x", 4, "does not know character 'x' at byte 2 of the prompt");
    expect("sample %F/text --temperature -1", 2, "--temperature must not be negative: -1");
    expect("sample %F/text --top-p 0", 2, "--top-p must be in (0, 1]: 0");
    expect("predict %F/text", 2, "`clgrad sample`");
    expect("eval %F/text --samples 100", 0, "accuracy");
    expect("sample %F/text --prompt '1 2'", 4, "does not know character 0x20 at byte 1 of the prompt");
    expect("train gpt --data %F/text/none", 4, "none");
    expect("plan gpt --batch 2", 0, "device: ");
}

/* Every optimiser and schedule by its name, and what goes with all of them; the loss falls. */
static void settings(void **state)
{
    static const char *const optimizers[] = {
        "sgd --nesterov",          "adam --beta1 0.8 --eps 1e-7",
        "adamw --beta2 0.99",      "rmsprop --momentum 0.5 --centered --alpha 0.9 --lr 1e-3",
        "adagrad --lr-decay 0.01", "lion --weight-decay 0.1"
    };
    static const char *const schedules[] = { "constant --warmup 3", "cosine", "one-cycle",
                                             "step --lr-epochs 1", "plateau --lr-epochs 1 --lr-factor 0.5" };
    char arguments[300];
    (void)state;
    for (int i = 0; i < 6; ++i) {
        snprintf(arguments, sizeof arguments,
                 "train mlp --samples 200 --batch 50 --epochs 3 --optimizer %s --schedule %s", optimizers[i],
                 schedules[i % 5]);
        expect(arguments, 0, "epoch 3/3: loss ");
        const double first = atof(strstr(output, "epoch 1/3: loss ") + 16);
        const double last = atof(strstr(output, "epoch 3/3: loss ") + 16);
        if (!(last < 0.995 * first)) fail_msg("%s: loss %g, then %g", arguments, first, last);
    }
    /* Accumulation, clipping and the average, which is what is saved: as good as told, and resumed exactly. */
#define RUN                                                                                                  \
    "train mlp --samples 200 --batch 50 --accumulate 3 --average 0.5 --clip 1 --clip-value 0.01 --schedule " \
    "plateau "                                                                                               \
    "--lr-epochs 1 --epochs 8 "
    expect(RUN "--save %F/w", 0, "test loss");
    expect(RUN "--save %F/p --max-steps 18", 0, "done: ");
    expect(RUN "--save %F/p --resume", 0, "resume: continuing after step 18");
#undef RUN
    assert_int_equal(same_files("w", "p"), 1);
    expect("train mlp --samples 200 --batch 50 --epochs 8 --save %F/w --resume --accumulate 3 --average 0.5",
           0, "resume: nothing is left to do: the run ended with step 32");
}

/* The learning rates of the epochs' last steps, out of the log. */
static void expect_rates(const char *arguments, const double *wanted, int n)
{
    char command[400], path[128];
    int at = 0;
    snprintf(command, sizeof command,
             "train mlp --samples 40 --batch 20 --optimizer sgd --warmup 0 --log %%F/rates %s", arguments);
    snprintf(path, sizeof path, "%s/rates", folder);
    remove(path); /* --resume would append */
    expect(command, 0, "done: ");
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (json_t *line; (line = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL)); json_decref(line)) {
        if (strcmp(json_string_value(json_object_get(line, "event")), "epoch") != 0) continue;
        const double lr = json_real_value(json_object_get(line, "lr"));
        if (at >= n || !(fabs(lr - wanted[at]) <= 1e-6 * wanted[at]))
            fail_msg("%s: epoch %d: %g", command, at, lr);
        at++;
    }
    fclose(file);
    assert_int_equal(at, n);
}

static void rates(void **state)
{
    (void)state;
    expect_rates("--schedule step --lr 1e-3 --lr-epochs 2 --lr-factor 0.5 --epochs 5",
                 (double[]){ 1e-3, 1e-3, 5e-4, 5e-4, 2.5e-4 }, 5);
    expect_rates("--schedule step --lr 1e-3 --epochs 4", (double[]){ 1e-3, 1e-3, 1e-4, 1e-4 }, 4);
    /* With so small a rate the loss stays as it is: the first epoch is the best, two more are waited for. */
    expect_rates("--schedule plateau --lr 1e-20 --epochs 8",
                 (double[]){ 1e-20, 1e-20, 1e-20, 1e-20, 1e-21, 1e-21, 1e-21, 1e-22 }, 8);
    expect("train mlp --samples 40 --batch 20 --optimizer sgd --warmup 0 --schedule plateau --lr 1e-20 "
           "--save %F/p "
           "--epochs 3",
           0, "done: ");
    expect_rates("--schedule plateau --lr 1e-20 --epochs 6 --save %F/p --resume",
                 (double[]){ 1e-20, 1e-21, 1e-21 }, 3);
}

static void seeds(void **state)
{
    (void)state;
    expect("train mlp --samples 200 --batch 50 --epochs 1 --save %F/a --seed 5", 0, "done: ");
    expect("train mlp --samples 200 --batch 50 --epochs 1 --save %F/b --seed 5", 0, "done: ");
    expect("train mlp --samples 200 --batch 50 --epochs 1 --save %F/c --seed 6", 0, "done: ");
    assert_true(same_files("a", "b"));
    assert_false(same_files("a", "c"));
}

static void diverging(void **state)
{
    (void)state;
    expect("train mlp --samples 200 --batch 50 --lr 1e20 --optimizer sgd --check-nan", 5,
           "the loss is not finite");
}

/* SIGINT: the step is finished, the state saved, exit code 130; --resume then takes the state up. */
static void interrupted(void **state)
{
    char save[100], line[300];
    int ends[2], status;
    (void)state;
    snprintf(save, sizeof save, "%s/stopped", folder);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], 1);
        close(ends[0]);
        execl(CLGRAD_COMMAND, "clgrad", "train", "mlp", "--device", "host", "--samples", "400", "--batch",
              "40", "--epochs", "2000", "--seed", "3", "--save", save, (char *)NULL);
        _exit(99);
    }
    close(ends[1]);
    FILE *out = fdopen(ends[0], "r");
    for (int epochs = 0; epochs < 2 && fgets(line, sizeof line, out);) epochs += !strncmp(line, "epoch", 5);
    assert_int_equal(kill(child, SIGINT), 0);
    while (fgets(line, sizeof line, out)) assert_int_not_equal(strncmp(line, "done", 4), 0);
    fclose(out);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 130);
    assert_true(exists("stopped.checkpoint"));
    assert_false(exists("stopped"));
    /* It stopped somewhere in the first epochs; a constant rate makes the end independent of --epochs. */
    expect("train mlp --samples 400 --batch 40 --epochs 1 --schedule constant --seed 3 --save %F/stopped "
           "--resume",
           0, "resume: continuing after step");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_usage),
        cmocka_unit_test(help_texts),
        cmocka_unit_test(tables),
        cmocka_unit_test(devices),
        cmocka_unit_test(pictures),
        cmocka_unit_test(texts),
        cmocka_unit_test(a_run_and_its_files),
        cmocka_unit_test(other_run),
        cmocka_unit_test(precision),
        cmocka_unit_test(settings),
        cmocka_unit_test(rates),
        cmocka_unit_test(seeds),
        cmocka_unit_test(diverging),
        cmocka_unit_test(interrupted),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
