/* The command as a user meets it: messages, exit codes, files. Runs CLGRAD_COMMAND on the host device. */
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
          "no such schedule: linear; there are constant, cosine and one-cycle" },
        { "train mlp --optimizer adan", 2, "no such optimizer: adan; did you mean adam?" },
        { "train mlp --device hots", 3, "hots" },
        { "train mlp --data /nonexistent", 4, "/nonexistent" },
        { "train mlp --samples 100 --batch 101", 2, "101" },
        { "train mlp --samples 100 --max-steps 1 --batch 50 --log /nonexistent/log", 4, "/nonexistent/log" },
        { "eval /nonexistent/model", 4, "/nonexistent/model" },
        { "predict %F", 4, "" },
        { "check --family tpu", 2, "no such family: tpu" },
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
    expect("plan mlp --stage nonsense", 2, "nonsense");
}

static void devices(void **state)
{
    (void)state;
    expect("devices --no-probe", 0, "host");
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
    /* Damage. */
    assert_int_equal(system("true"), 0);
    char command[300];
    snprintf(command, sizeof command, "head -c 5000 %s/m > %s/cut", folder, folder);
    assert_int_equal(system(command), 0);
    expect("eval %F/cut", 4, "cut");
}

/* A file of another recipe is refused by name. */
static void other_recipe(void **state)
{
    (void)state;
    expect("train mlp --samples 60 --batch 30 --max-steps 1 --checkpoint %F/other", 0, "done: ");
    expect("train cnn --samples 60 --batch 30 --max-steps 2 --checkpoint %F/other --resume", 4, "clgrad: ");
}

/* Pictures and texts through every verb; few steps. */
static void pictures(void **state)
{
    (void)state;
    expect("train resnet20 --samples 24 --batch 8 --epochs 1 --save %F/pictures", 0, "done: test accuracy");
    expect("eval %F/pictures --samples 20 --batch 10", 0, "20 samples");
    expect("predict %F/pictures --count 1", 0, "label 0");
    expect("plan resnet20 --batch 4", 0, "device: ");
    expect("train resnet20 --data /nonexistent", 4, "dataset_images: /nonexistent: ");
    expect("train resnet20 --data %F", 4, "no JPEG files named train/CLASS/NAME.jpg");
    expect("sample %F/pictures", 4, "has no vocabulary: it was not trained on a text");
}

static void texts(void **state)
{
    char first[400];
    (void)state;
    expect("train gpt --samples 100 --steps 3 --save %F/text --seed 2", 0, "epoch 1/");
    expect("sample %F/text --prompt 12+ --count 30 --seed 4", 0, "12+");
    snprintf(first, sizeof first, "%.399s", output);
    expect("sample %F/text --prompt 12+ --count 30 --seed 4", 0, first);
    expect("sample %F/text --prompt 12+ --count 30 --seed 5", 0, "12+");
    assert_string_not_equal(first, output);
    /* The likeliest character, however it is asked for. */
    expect("sample %F/text --prompt 12+ --count 90 --temperature 0", 0, "12+");
    snprintf(first, sizeof first, "%.399s", output);
    expect("sample %F/text --prompt 12+ --count 90 --top-k 1", 0, first);
    expect("sample %F/text --prompt 12+ --count 90 --top-p 0.000001", 0, first);
    expect("sample %F/text --prompt 12x", 4, "does not know character 0x78 at byte 2 of the prompt");
    expect("sample %F/text --temperature -1", 2, "--temperature must not be negative: -1");
    expect("sample %F/text --top-p 0", 2, "--top-p must be in (0, 1]: 0");
    expect("predict %F/text", 2, "`clgrad sample`");
    expect("eval %F/text --samples 100", 0, "accuracy");
    expect("train gpt --data %F/text/none", 4, "none");
    expect("plan gpt --batch 2", 0, "device: ");
}

static void seeds(void **state)
{
    char command[300];
    (void)state;
    expect("train mlp --samples 200 --batch 50 --epochs 1 --save %F/a --seed 5", 0, "done: ");
    expect("train mlp --samples 200 --batch 50 --epochs 1 --save %F/b --seed 5", 0, "done: ");
    expect("train mlp --samples 200 --batch 50 --epochs 1 --save %F/c --seed 6", 0, "done: ");
    snprintf(command, sizeof command, "cmp -s %s/a %s/b", folder, folder);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof command, "cmp -s %s/a %s/c", folder, folder);
    assert_int_not_equal(system(command), 0);
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
        cmocka_unit_test(other_recipe),
        cmocka_unit_test(seeds),
        cmocka_unit_test(diverging),
        cmocka_unit_test(interrupted),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
