/* Bad data sets, models and options, as a user of the command meets them: the message names the file and what is
 * wrong with it, the exit code tells the kind, and memory stays bounded whatever a header claims. */
#include "unit/command_case.h"

/* --- IDX ------------------------------------------------------------------------------------------ */

enum { SAMPLES = 40, PIXELS = 28 * 28 };

static void big_endian(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; ++i) at[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* n images with `data` bytes behind a header that claims what dims say. */
static void write_idx(const char *name, uint32_t magic, const uint32_t *dims, size_t n_dims,
                      const uint8_t *data, size_t bytes)
{
    uint8_t *file = calloc(1, 4 + 4 * n_dims + bytes);
    assert_non_null(file);
    big_endian(file, magic);
    for (size_t i = 0; i < n_dims; ++i) big_endian(file + 4 + 4 * i, dims[i]);
    if (data) memcpy(file + 4 + 4 * n_dims, data, bytes);
    write_file(name, file, 4 + 4 * n_dims + bytes);
    free(file);
}

static void write_labels(const char *name, uint32_t claimed, uint8_t last)
{
    uint8_t labels[SAMPLES];
    for (int i = 0; i < SAMPLES; ++i) labels[i] = (uint8_t)(i % 10);
    labels[SAMPLES - 1] = last;
    write_idx(name, 0x801, &claimed, 1, labels, SAMPLES);
}

/* Four good files in d/. */
static void write_data(void)
{
    static const char *const splits[] = { "train", "t10k" };
    const uint32_t dims[] = { SAMPLES, 28, 28 };
    char name[64];
    assert_int_equal(shell("rm -rf d; mkdir d"), 0);
    for (int i = 0; i < 2; ++i) {
        snprintf(name, sizeof name, "d/%s-images-idx3-ubyte", splits[i]);
        write_idx(name, 0x803, dims, 3, NULL, SAMPLES * PIXELS);
        snprintf(name, sizeof name, "d/%s-labels-idx1-ubyte", splits[i]);
        write_labels(name, SAMPLES, 9);
    }
}

static const char train_on_d[] = "$C train mlp --data d --batch 20 --max-steps 2";

static void idx_files(void **state)
{
    static const char images[] = "d/train-images-idx3-ubyte";
    static const struct {
        uint32_t magic, dims[3];
        size_t bytes;
        const char *message;
    } rows[] = {
        { 0x803, { SAMPLES, 28, 28 }, SAMPLES * PIXELS - 1, "train-images-idx3-ubyte: " },
        { 0x803, { SAMPLES, 28, 28 }, SAMPLES * PIXELS + 1, "trailing bytes" },
        { 0x803, { SAMPLES, 28, 28 }, 0, "truncated" },
        { 0x504b0304, { SAMPLES, 28, 28 }, SAMPLES * PIXELS, "wrong magic at byte 0: 504b0304" },
        { 0xd03, { SAMPLES, 28, 28 }, SAMPLES * PIXELS, "wrong magic" },
        { 0x803, { 0x7fffffff, 28, 28 }, 100, "absurd size" },
        { 0x803, { 0xffffffff, 0xffffffff, 0xffffffff }, 100, "absurd size" },
        { 0x803, { 5000000, 28, 28 }, 100, "truncated" }, /* 3.9 GB claimed: not allocated */
        { 0x803, { SAMPLES - 1, 28, 28 }, (SAMPLES - 1) * PIXELS, "has 39 images, " },
        { 0x803, { 0, 28, 28 }, 0, "0" },
    };
    (void)state;
    write_data();
    expect(train_on_d, 0, "done: ");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        write_idx(images, rows[i].magic, rows[i].dims, 3, NULL, rows[i].bytes);
        expect(train_on_d, 4, rows[i].message);
        assert_non_null(strstr(output, "clgrad: "));
    }
    write_file(images, "", 0);
    expect(train_on_d, 4, images);
    write_file(images, "\0\0\10", 3);
    expect(train_on_d, 4, images);
    assert_int_equal(shell("rm d/train-images-idx3-ubyte"), 0);
    expect(train_on_d, 4, "no train-images-idx3-ubyte or train-images-idx3-ubyte.gz in the folder d");
    assert_int_equal(shell("mkdir d/train-images-idx3-ubyte"), 0);
    expect(train_on_d, 4, "train-images-idx3-ubyte");
}

/* A few kilobytes that unpack to gigabytes, with an honest header and with a modest one. */
static void gzip_bombs(void **state)
{
    (void)state;
    write_data();
    assert_int_equal(
        shell("rm d/train-images*; (printf '\\0\\0\\10\\3\\0\\1\\206\\240\\0\\0\\0\\34\\0\\0\\0\\34';"
              " head -c 300000000 /dev/zero) | gzip -1 >d/train-images-idx3-ubyte.gz"),
        0);
    expect(train_on_d, 4, "trailing bytes");
    assert_int_equal(
        shell("head -c 1000 d/train-images-idx3-ubyte.gz >cut; mv cut d/train-images-idx3-ubyte.gz"), 0);
    expect(train_on_d, 4, "the gzip data are truncated at byte 1000");
}

static void labels(void **state)
{
    (void)state;
    write_data();
    write_labels("d/train-labels-idx1-ubyte", SAMPLES, 10);
    expect(train_on_d, 4, "MNIST: d/train-labels-idx1-ubyte: label 10 of sample 39 lies outside [0, 10)");
    write_labels("d/train-labels-idx1-ubyte", SAMPLES, 255);
    expect(train_on_d, 4, "label 255 of sample 39 lies outside [0, 10)");
    write_data();
    write_labels("d/t10k-labels-idx1-ubyte", SAMPLES, 10);
    expect(train_on_d, 4, "d/t10k-labels-idx1-ubyte: label 10 of sample 39 lies outside [0, 10)");
    assert_null(strstr(output, "loss")); /* before the training */
    write_labels("d/t10k-labels-idx1-ubyte", SAMPLES + 1, 9);
    expect(train_on_d, 4, "t10k-labels-idx1-ubyte");
    write_data();
    const uint32_t wide[] = { SAMPLES, 28, 29 };
    write_idx("d/train-images-idx3-ubyte", 0x803, wide, 3, NULL, SAMPLES * 28 * 29);
    expect(train_on_d, 4, "d: the pictures have 28 x 29 pixels, the recipe takes 28 x 28");
    write_data();
    expect("$C train mlp --data d --batch 41", 2, "41");
    assert_non_null(strstr(output, "40"));
}

/* --- Texts, pictures, archives ------------------------------------------------------------------------ */

static void text_files(void **state)
{
    static const struct {
        const char *prepare, *message;
    } rows[] = {
        { ": >t", "text: t: the text is empty" },
        { "printf ab >t",
          "text: t: the text is too short: 2 bytes, 1 of them for training: a window takes 64" },
        { "printf '%0600d' 0 >t", "the text is too short: 600 bytes, 60 of them for the test" },
        { "rm t; mkdir t", "t/input.txt" },
        { "mkdir -p t/input.txt", "not a regular file" },
        { "rm -r t; mkfifo t", "not a regular file" },
    };
    char line[200];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        snprintf(line, sizeof line, "%s; $C train gpt --data t --steps 1", rows[i].prepare);
        expect(line, 4, rows[i].message);
    }
    /* Another text than the model's. */
    expect("seq 300 >digits; seq 300 | tr '\\n' ';' >others; $C train gpt --data digits --steps 1 --save m",
           0, "done: ");
    expect("$C eval m --data others", 4, "m was trained with other characters than the data have");
    expect("$C sample m --prompt 12a", 4, "does not know character 'a' at byte 2 of the prompt");
}

/* What an archive may hold to leave its folder, and what is no archive or picture at all. */
static void picture_files(void **state)
{
    static const struct {
        const char *prepare, *message;
    } rows[] = {
        { "tar -P --transform 's,^,/tmp/,' -cf a.tar train", "/train/ is an absolute name" },
        { "tar -P --transform 's,^,../,' -cf a.tar train", "leads out of the archive (..)" },
        { "mkdir l; ln -s /etc/passwd l/link; tar -cf a.tar l train", "refused: l/link is a link" },
        { "rm l/link; : >l/one; ln l/one l/two; tar -cf a.tar l train", " is a link" },
        { "tar -cf a.tar train", "a.tar: train/c/1.jpg: Not a JPEG file" },
        { ": >train/c/1.jpg; tar -cf a.tar train", "train/c/1.jpg: the file is empty" },
        { "printf '\\377\\330\\377' >train/c/1.jpg; tar -cf a.tar train", "train/c/1.jpg: " },
        { "head -c 700 a.tar >b; mv b a.tar", "a.tar: " },
        { "printf words >a.tar", "a.tar: " },
    };
    char line[300];
    (void)state;
    assert_int_equal(shell("mkdir -p train/c && printf words >train/c/1.jpg && tar -cf a.tar train"), 0);
    if (shell("$C train resnet20 --data a.tar --max-steps 1"), strstr(output, "this build reads no")) skip();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        snprintf(line, sizeof line, "%s; $C train resnet20 --data a.tar --max-steps 1", rows[i].prepare);
        expect(line, 4, rows[i].message);
    }
}

/* --- The environment ---------------------------------------------------------------------------------- */

static void environment(void **state)
{
    static const char *const bad[][2] = {
        { "FAMILY=xpu", "environment: CLGRAD_FAMILY is \"xpu\": allowed is auto|cpu|gpu" },
        { "THREADS=0", "CLGRAD_THREADS is \"0\": allowed is 1.." },
        { "THREADS=two", "CLGRAD_THREADS is \"two\": allowed is 1.." },
        { "THREADS=2x", "CLGRAD_THREADS is \"2x\": allowed is 1.." },
        { "KERNEL_DIR=/nowhere", "CLGRAD_KERNEL_DIR is \"/nowhere\": allowed is a folder" },
        { "DUMP_DIR=/etc/passwd", "CLGRAD_DUMP_DIR is \"/etc/passwd\": allowed is a folder" },
        { "SKIP=matmul_dto", "CLGRAD_SKIP has \"matmul_dto\": did you mean matmul_dot? `clgrad ops`" },
        { "SKIP=matmul_dot,xyzzyplugh", "CLGRAD_SKIP has \"xyzzyplugh\", which is unknown: `clgrad ops`" },
        { "SKIP=view", "CLGRAD_SKIP has \"view\"" }, /* no kernel */
        { "FAIL_BUILD=conv2", "CLGRAD_FAIL_BUILD has \"conv2\": did you mean conv2d? `clgrad ops`" },
        { "QUIRKS=max_trip", "CLGRAD_QUIRKS has \"max_trip\": did you mean MAX_TRIPS? there are on, off, " },
        { "QUIRKS=xyzzyplugh", "CLGRAD_QUIRKS has \"xyzzyplugh\", which is unknown: there are on, off, " },
        { "FUSE=maybe", "CLGRAD_FUSE is \"maybe\": allowed is on|off" },
    };
    static const char *const good[] = { "FAMILY=GPU",
                                        "THREADS=2",
                                        "FUSE=No",
                                        "FUSE=1",
                                        "CACHE=",
                                        "REUSE=ON",
                                        "KERNEL_DIR=.",
                                        "QUIRKS=Off",
                                        "QUIRKS=crashed,MAX_TRIPS",
                                        "SKIP=",
                                        "SKIP=conv2d_cpu,matmul_dot",
                                        "FAIL_BUILD=relu" };
    char line[200];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        snprintf(line, sizeof line, "CLGRAD_%s $C plan mlp", bad[i][0]);
        expect(line, 2, bad[i][1]);
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; ++i) {
        snprintf(line, sizeof line, "CLGRAD_%s $C plan mlp", good[i]);
        expect(line, 0, "device: ");
    }
}

/* --- Models ---------------------------------------------------------------------------------------- */

/* A safetensors file: the length, the header, `data` bytes of zeros. */
static void write_model(const char *header, uint64_t claimed, size_t data)
{
    size_t size = strlen(header), total = 8 + size + data;
    uint8_t *file = calloc(1, total);
    assert_non_null(file);
    for (int i = 0; i < 8; ++i) file[i] = (uint8_t)(claimed >> 8 * i);
    memcpy(file + 8, header, size);
    write_file("model", file, total);
    free(file);
}

#define META "\"__metadata__\":{\"recipe\":\"mlp\"}"
#define ONE(name, dtype, shape, from, to)                                                                    \
    ",\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" #from "," #to "]}"

static void model_files(void **state)
{
    static const struct {
        const char *header;
        uint64_t claimed; /* 0: the truth */
        size_t data;
        const char *message;
    } rows[] = {
        { "{" META ONE("1.bias", "F32", "2", 0, 8) ONE("b", "F32", "2", 4, 12) "}", 0, 12,
          "begins at byte 4" },
        { "{" META ONE("1.bias", "F32", "2", 0, 8) "}", 0, 4, "out of range" },
        { "{" META ONE("1.bias", "F32", "2", 8, 0) "}", 0, 8, "out of range" },
        { "{" META ONE("1.bias", "F32", "2", -8, 0) "}", 0, 8, "out of range" },
        { "{" META ONE("1.bias", "F32", "3", 0, 8) "}", 0, 8, "type and shape take 12" },
        { "{" META ONE("1.bias", "F32", "2147483647,2147483647,2147483647", 0, 8) "}", 0, 8, "model" },
        { "{" META ONE("1.bias", "F33", "2", 0, 8) "}", 0, 8, "unknown dtype F33" },
        { "{" META ONE("1.bias", "F32", "2", 0, 8) "}", 0, 9, "the file at 9" },
        { "{" META "}", (uint64_t)1 << 62, 8, "model is not a safetensors file: it does not begin" },
        { "{" META "}", 1000, 8, "header of 1000 bytes" },
        { "[1,2]", 0, 0, "no JSON object" },
        { "{" META, 0, 0, "no JSON object" },
        { "{\"__metadata__\":{\"recipe\":7}}", 0, 0, "__metadata__" },
        { "{\"__metadata__\":{\"a\":\"b\"}}", 0, 0, "does not tell its recipe" },
        { "{\"__metadata__\":{\"recipe\":\"mlq\"}}", 0, 0, "no such recipe: mlq; did you mean mlp?" },
        { "{" META "}", 0, 0, "is missing" },
        { "{" META ONE("1.weight", "F32", "2,4", 0, 32) "}", 0, 32, "'1." },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        uint64_t claimed = rows[i].claimed ? rows[i].claimed : strlen(rows[i].header);
        write_model(rows[i].header, claimed, rows[i].data);
        expect("$C eval model --samples 20", 4, rows[i].message);
        if (i % 8 == 0) expect("$C predict model", 4, rows[i].message);
    }
    write_file("model", "abc", 3);
    expect("$C eval model", 4, "ends at byte 3, the length takes 8");
    write_file("model", "Words that somebody wrote.\n", 27);
    expect("$C eval model", 4, "model is not a safetensors file");
    expect("$C sample model", 4, "model is not a safetensors file");
    expect("$C eval .", 4, "not a regular file");
    expect("$C train mlp --samples 60 --batch 20 --max-steps 1 --save .", 4, "--save .: it is a folder");
    expect("$C eval nowhere", 4, "nowhere");
}

/* A good model with one word of its header changed for another of the same length. */
static void changed_headers(void **state)
{
    static const struct {
        const char *from, *to, *message;
    } rows[] = {
        { "\"1.bias\":{\"dtype\":\"F32\"", "\"1.bias\":{\"dtype\":\"I32\"",
          "'1.bias' is I32 [512], wanted F32 [512]" },
        { "[256,512]", "[512,256]", "'4.weight' is F32 [512, 256], wanted F32 [256, 512]" },
        { "\"7.bias\"", "\"7.bibs\"", "'7.bias' is missing" },
        { "[0,1605632]", "[4,1605632]", "'1.weight'" },
        { "[0,1605632]", "[0,1605636]", "'1.weight'" },
        { "[2143232,2143272]", "[2143228,2143268]", "'7.bias' begins at byte 2143228" },
    };
    size_t size;
    (void)state;
    expect("$C train mlp --samples 40 --batch 20 --max-steps 1 --save good", 0, "done: ");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        char *bytes = read_whole("good", &size);
        char *at = memmem(bytes, 2000, rows[i].from, strlen(rows[i].from));
        assert_non_null(at);
        memcpy(at, rows[i].to, strlen(rows[i].to));
        write_file("changed", bytes, size);
        free(bytes);
        expect("$C eval changed --samples 20", 4, rows[i].message);
    }
    expect("$C eval good --samples 20", 0, "accuracy ");
    static const uint32_t broken[] = { 0x7fc00000, 0x7f800000 }; /* NaN, infinity */
    for (int i = 0; i < 2; ++i) {
        char *bytes = read_whole("good", &size);
        memcpy(bytes + size - 4, &broken[i], 4);
        write_file("changed", bytes, size);
        free(bytes);
        expect("$C eval changed --samples 20", 5, "model: changed: '7.");
        expect("$C predict changed", 5, i ? "holds inf" : "holds nan");
    }
    /* A text's model, too. */
    expect("$C train gpt --samples 100 --steps 1 --save spoken", 0, "done: ");
    char *bytes = read_whole("spoken", &size);
    memcpy(bytes + size - 4, &broken[0], 4);
    write_file("spoken", bytes, size);
    free(bytes);
    expect("$C sample spoken --count 5", 5, "model: spoken: '");
    /* A model of other layers. */
    expect("sed 's/\"recipe\":\"mlp\"/\"recipe\":\"cnn\"/' good >changed; $C eval changed --samples 20", 4,
           "changed");
}

/* --- Checkpoints ------------------------------------------------------------------------------------ */

static const char resume[] =
    "$C train mlp --samples 60 --batch 20 --epochs 2 --checkpoint c --save m --resume";

static void cut_checkpoints(void **state)
{
    size_t size;
    char cut[100];
    (void)state;
    expect("$C train mlp --samples 60 --batch 20 --epochs 2 --checkpoint c --save m", 0, "done: ");
    assert_int_equal(shell("cp c c.whole; cp c.previous p.whole; mv m m.whole"), 0);
    free(read_whole("c.whole", &size));
    const size_t cuts[] = { 0, 1, 8, 9, 1500, size / 3, size - 100, size - 17, size - 1 };
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; ++i) {
        snprintf(cut, sizeof cut, "head -c %zu c.whole >c; cp p.whole c.previous", cuts[i]);
        assert_int_equal(shell(cut), 0);
        expect(resume, 0, "c.previous was taken: ");
        assert_non_null(strstr(output, "resume: continuing after step 3, in epoch 2"));
        expect("cmp m m.whole", 0, ""); /* the same bits as without the accident */
    }
    assert_int_equal(shell("rm -f c; cp p.whole c.previous"), 0);
    expect(resume, 0, "resume: continuing after step 3");
    assert_int_equal(shell("head -c 1000 c.whole >c; head -c 2000 p.whole >c.previous"), 0);
    expect(resume, 4, "and the one before: ");
    expect("cmp -n 1000 c c.whole && test $(wc -c <c) = 1000", 0, ""); /* not overwritten */
    assert_int_equal(
        shell("cp c.whole c; printf X | dd of=c bs=1 seek=100000 conv=notrunc status=none; rm c.previous"),
        0);
    expect(resume, 4, "wrong checksum");
}

/* SIGINT: the step is finished, the state saved; what then resumes ends in the bytes of a run without a stop. */
static void stopped_and_resumed(void **state)
{
#define RUN "$C train mlp --samples 400 --batch 40 --epochs 15 --seed 3 "
    (void)state;
    expect(RUN "--save whole", 0, "done: ");
    expect(RUN "--save part & until test -e part.checkpoint; do sleep 0.02; done; kill -INT $!; wait $!", 130,
           "clgrad: train: stopped after step ");
    assert_non_null(strstr(output, "saved to part.checkpoint"));
    expect("test -e part", 1, "");
    expect(RUN "--save part --resume", 0, "resume: continuing after step ");
    expect("cmp whole part", 0, "");
#undef RUN
}

/* --- Files that cannot be written --------------------------------------------------------------------- */

/* The message names the user's file, not a temporary one, and comes before data and device are looked at. */
static void expect_early(const char *line, const char *message)
{
    expect(line, 4, message);
    if (strstr(output, "device: ") || strstr(output, ".new-")) fail_msg("%s: %s", line, output);
}

static void unwritable_files(void **state)
{
    static const char *const options[] = { "--save", "--checkpoint", "--log", "--curve" };
    char line[200], message[60];
    (void)state;
    assert_int_equal(shell("mkdir w && chmod 500 w && : >plain"), 0);
    for (size_t i = 0; i < sizeof options / sizeof *options; ++i) {
        static const char *const paths[] = { "nowhere/f", "plain/f", "w/f" };
        size_t n = geteuid() ? 3 : 2; /* nothing is read-only to root */
        for (size_t p = 0; p < n; ++p) {
            snprintf(line, sizeof line, "$C train mlp --samples 40 --batch 20 --epochs 1 %s %s", options[i],
                     paths[p]);
            snprintf(message, sizeof message, "clgrad: %s %s: ", options[i], paths[p]);
            expect_early(line, message);
        }
        snprintf(line, sizeof line, "$C train mlp --samples 40 --batch 20 --epochs 1 %s /proc/f", options[i]);
        expect_early(line, "/proc/f: No such file or directory");
        /* A device is not replaced by a file, not even by root. */
        snprintf(line, sizeof line,
                 "ln -sf /dev/full full; $C train mlp --samples 40 --batch 20 --epochs 1 %s full",
                 options[i]);
        expect(line, 4, i == 2 ? "log: full: No space left on device" : "full: not a regular file");
        assert_null(strstr(output, "loss")); /* before the training */
        expect("test -c /dev/full && test -c full", 0, "");
        if (i == 2) continue; /* its first line shows whether there is room */
        snprintf(line, sizeof line,
                 "trap '' XFSZ; ulimit -f 0; $C train mlp --samples 40 --batch 20 --epochs 1 %s f",
                 options[i]);
        expect_early(line, " f: File too large");
    }
    expect("ls w nowhere* 2>/dev/null | grep -c .", 0, "1"); /* "w:" or nothing in it */
}

/* A disk that fills up while the model is written: the limit on file size stands in for it. The old file stays. */
static void full_disk(void **state)
{
    (void)state;
    expect("$C train mlp --samples 40 --batch 20 --max-steps 1 --save kept --checkpoint k", 0, "done: ");
    assert_int_equal(shell("cp kept kept.before; cp k k.before; ls >names"), 0);
    expect("trap '' XFSZ; ulimit -f 1000; $C train mlp --samples 40 --batch 20 --max-steps 1 --seed 2 --save "
           "kept "
           "--checkpoint k",
           4, "file: cannot be written: k: File too large");
    expect("trap '' XFSZ; ulimit -f 1000; $C train mlp --samples 40 --batch 20 --max-steps 1 --seed 2 --save "
           "kept "
           "--checkpoint /dev/null",
           4, "not a regular file");
    expect("cmp kept kept.before && cmp k k.before && ls | diff names -", 0, "");
}

/* --- The cache folder ------------------------------------------------------------------------------- */

/* The run goes on without a cache; drivers that cannot be asked (no OpenCL) never open it. */
static void cache_folders(void **state)
{
    static const char run[] = "$C train mlp --device 0:0 --samples 40 --batch 20 --max-steps 1";
    char line[300];
    (void)state;
    if (shell("$C devices --no-probe") || !strstr(output, "0:0")) skip();
    static const struct {
        const char *prepare, *message;
    } rows[] = {
        { ": >k1; export CLGRAD_CACHE_DIR=$PWD/k1", "k1" },
        { ": >k2; export CLGRAD_CACHE_DIR=$PWD/k2/below", "cannot be made" },
        { "mkdir -p k3; chmod 777 k3; export CLGRAD_CACHE_DIR=$PWD/k3", "others may write to it" },
        { "export CLGRAD_CACHE_DIR=/proc/nothing", "cannot be made" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        snprintf(line, sizeof line, "%s; %s", rows[i].prepare, run);
        expect(line, 0, rows[i].message);
        assert_non_null(strstr(output, "cache: kernels are built each time: "));
        assert_non_null(strstr(output, "done: "));
        expect("find k3 -type f | grep -c . || true", 0, "0");
    }
    if (geteuid()) {
        snprintf(line, sizeof line, "mkdir k4; chmod 500 k4; export CLGRAD_CACHE_DIR=$PWD/k4; %s", run);
        expect(line, 0, "not writable");
        snprintf(line, sizeof line, "export CLGRAD_CACHE_DIR=/; %s", run);
        expect(line, 0, "belongs to another user");
    } else {
        snprintf(line, sizeof line, "mkdir k4; chown 65534 k4; export CLGRAD_CACHE_DIR=$PWD/k4; %s", run);
        expect(line, 0, "belongs to another user");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idx_files),        cmocka_unit_test(gzip_bombs),
        cmocka_unit_test(labels),           cmocka_unit_test(environment),
        cmocka_unit_test(text_files),       cmocka_unit_test(picture_files),
        cmocka_unit_test(model_files),      cmocka_unit_test(changed_headers),
        cmocka_unit_test(cut_checkpoints),  cmocka_unit_test(stopped_and_resumed),
        cmocka_unit_test(unwritable_files), cmocka_unit_test(full_disk),
        cmocka_unit_test(cache_folders),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
