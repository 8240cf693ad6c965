/* `clgrad bench` from outside: rows of every suite, fields, files, comparison, the page, refusals. On the host, with tiny
 * sizes; no figure is judged. */
#include "command_case.h"

#include <jansson.h>

static const char tiny[] =
    "# comment\n"
    "peaks   peak     q copy mb=1\n"
    "ops     sgemm    q matmul f32 [17,31] [31,33]\n"
    "ops     batched  - matmul f32 [3,17,31] [3,31,33] layout=TN\n"
    "ops     conv     - conv2d f32 [2,9,8,4] [6,3,3,2] pad=1,1 groups=2\n"
    "ops     conv     - conv2d_input f32 [2,9,8,6] [6,3,3,2] dims=2,9,8,4 pad=1,1 groups=2\n"
    "ops     conv     - conv2d_weights f32 [2,9,8,6] [2,9,8,4] dims=6,3,3,2 pad=1,1 groups=2\n"
    "ops     softmax  - softmax f32 [40,17]\n"
    "ops     dropout  - dropout f32 [40,17] p=0.25\n"
    "ops     adam     - adam f32 [300]\n"
    "train   gpt      - gpt layers=1 heads=2 width=16 length=8 batch=2\n"
    "memory  gpt      - gpt layers=1 heads=2 width=16 length=8 batch=2\n"
    "start   gpt      - gpt layers=1 heads=2 width=16 length=8 batch=2 caches=both\n"
    "replan  replay   - record\n"
    "replan  replay   - replay\n"
    "replan  lengths  - lengths count=2 batch=1\n";
enum { TINY_ROWS = 15 };

static json_t *read_document(const char *name)
{
    size_t size;
    char *text = read_whole(name, &size);
    json_t *document = json_loads(text, 0, NULL);
    if (!document) fail_msg("%s is no JSON: %.300s", name, text);
    free(text);
    return document;
}

static void every_line_gives_a_row(void **state)
{
    static const char *const machine[] = { "schema",  "version",  "commit", "date", "device",
                                           "driver",  "platform", "family", "os",   "cpu",
                                           "threads", "tuned",    "quick",  "peaks" };
    static const char *const fields[] = {
        "suite",          "group", "case",   "status", "message", "implementation",
        "verified",       "n",     "median", "p10",    "p90",     "gflops",
        "gbps",           "floor", "share",  "limit",  "value",   "unit",
        "longest_launch", "power", "loss",   "peers",  "ratios"
    };
    size_t index;
    json_t *row;
    (void)state;
    write_file("tiny.txt", tiny, sizeof tiny - 1);
    expect("\"$C\" bench --shapes tiny.txt --no-peers --seconds 0.001 --json 2>log >new.json || cat log", 0,
           "");
    json_t *document = read_document("new.json"), *rows = json_object_get(document, "rows");
    for (size_t i = 0; i < sizeof machine / sizeof *machine; ++i)
        if (!json_object_get(document, machine[i])) fail_msg("the document has no %s", machine[i]);
    assert_int_equal(json_array_size(rows), TINY_ROWS);
    json_array_foreach(rows, index, row)
    {
        for (size_t i = 0; i < sizeof fields / sizeof *fields; ++i)
            if (!json_object_get(row, fields[i])) fail_msg("row %zu has no %s", index, fields[i]);
        if (strcmp(json_string_value(json_object_get(row, "status")), "ok")) {
            char *text = json_dumps(row, 0);
            fail_msg("a row is not ok: %s", text);
        }
        if (!strcmp(json_string_value(json_object_get(row, "suite")), "ops")) {
            assert_true(json_number_value(json_object_get(row, "median")) > 0);
            assert_string_not_equal(json_string_value(json_object_get(row, "verified")), "");
        }
    }
    json_decref(document);
}

static void csv_has_a_line_for_each_row(void **state)
{
    (void)state;
    write_file("tiny.txt", tiny, sizeof tiny - 1);
    expect("\"$C\" bench --shapes tiny.txt --filter sgemm --no-peers --seconds 0.001 --csv 2>/dev/null", 0,
           "\"ops\",\"sgemm\",\"matmul f32 [17,31] [31,33]\",\"ok\"");
    int lines = 0;
    for (const char *at = output; (at = strchr(at, '\n')); ++at) ++lines;
    assert_int_equal(lines, 2);
}

/* Every row of the table of targets is in the built-in list. */
static void the_list_is_complete(void **state)
{
    static const char *const wanted[] = { "[64,64] [64,64]",
                                          "[4096,4096] [4096,4096]",
                                          "[128,1600] [1600,10]",
                                          "[768,128] [128,512]",
                                          "[2048,384] [384,1536]",
                                          "50257]",
                                          "[1,1024] [1024,1024]",
                                          "layout=NT",
                                          "layout=TN",
                                          "layout=TT",
                                          "[48,64,64] [48,64,32]",
                                          "[1,224,224,3] [64,7,7,3]",
                                          "[32,7,7,512] [512,3,3,512]",
                                          "[32,56,56,64] [256,1,1,64]",
                                          "groups=128",
                                          "groups=32",
                                          "dilation=2,2",
                                          "[128,28,28,1]",
                                          "precision=bf16",
                                          "relu f32 [97600,1024]",
                                          "gelu f32 [6100",
                                          "softmax f32 [97600",
                                          "layer_norm f32 [97600",
                                          "batch_norm f32 [976,",
                                          "cross_entropy f32 [97600",
                                          "dropout f32 [97600",
                                          "adam f32 [99942400]",
                                          "attention f32 [1,8,256,64]",
                                          "attention f32 [1,8,4096,64]",
                                          "convnet batch=128",
                                          "mlp batch=256",
                                          "layers=4 heads=4 width=128 length=64 batch=12",
                                          "layers=6 heads=6 width=384 length=256 batch=8",
                                          "resnet20 batch=128",
                                          "resnet18 batch=8",
                                          "caches=none",
                                          "caches=own",
                                          "caches=both",
                                          "record",
                                          "lengths" };
    (void)state;
    assert_int_equal(shell("\"$C\" bench --list"), 0);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; ++i)
        if (!strstr(output, wanted[i])) fail_msg("the list has no %s", wanted[i]);
}

static void wrong_losses_are_marked(void **state)
{
    static const char line[] = "train gpt q gpt layers=1 heads=2 width=16 length=8 batch=2 loss=9\n";
    (void)state;
    write_file("wrong.txt", line, sizeof line - 1);
    expect("\"$C\" bench --shapes wrong.txt --no-peers --seconds 0.001", 1,
           "wrong: the loss after 20 steps is");
}

/* --- Comparison ------------------------------------------------------------------------------------------------ */

static void write_document(const char *name, const char *device, int schema, double median, int n,
                           const char *status)
{
    char text[900];
    snprintf(
        text, sizeof text,
        "{\"schema\":%d,\"device\":\"%s\",\"platform\":\"p\",\"family\":\"cpu\",\"cpu\":\"c\",\"threads\":2,"
        "\"driver\":\"1\","
        "\"rows\":[{\"suite\":\"ops\",\"group\":\"<b>g\",\"case\":\"a<b & "
        "'c'\",\"status\":\"%s\",\"message\":\"m<i>\","
        "\"median\":%g,\"p10\":%g,\"p90\":%g,\"n\":%d,\"gflops\":3,\"flops\":100,\"bytes\":10,\"peers\":[],"
        "\"ratios\":{\"<peer>\":1.5}}]}",
        schema, device, status, median, median * 0.95, median * 1.05, n);
    write_file(name, text, strlen(text));
}

static void changes_beyond_the_noise_are_told(void **state)
{
    (void)state;
    write_document("old.json", "d", 1, 1.0, 9, "ok");
    write_document("same.json", "d", 1, 1.08, 9, "ok");
    write_document("slow.json", "d", 1, 1.5, 9, "ok");
    write_document("fast.json", "d", 1, 0.5, 9, "ok");
    write_document("once.json", "d", 1, 1.5, 1, "ok");
    write_document("broken.json", "d", 1, 1.0, 9, "wrong");
    expect("\"$C\" bench --compare old.json old.json", 0, "1 rows compared, 0 regressions");
    expect("\"$C\" bench --compare old.json same.json", 0, "0 regressions");
    expect("\"$C\" bench --compare old.json slow.json", 1,
           "SLOWER   ops a<b & 'c': 1 s -> 1.5 s, 1.50 times");
    expect("\"$C\" bench --compare old.json once.json", 0, "0 regressions");
    expect("\"$C\" bench --compare old.json fast.json", 0, "faster ");
    expect("\"$C\" bench --compare old.json broken.json", 1, "BROKEN   ops");
}

static void other_baselines_are_refused(void **state)
{
    (void)state;
    write_document("old.json", "d", 1, 1.0, 9, "ok");
    write_document("other.json", "e", 1, 1.0, 9, "ok");
    write_document("schema.json", "d", 99, 1.0, 9, "ok");
    write_file("text.json", "no", 2);
    write_file("empty.json", "{}", 2);
    write_file("rows.json", "{\"schema\":1,\"rows\":[3]}", 23);
    expect("\"$C\" bench --compare old.json other.json", 2,
           "another machine: device is \"d\" there, here \"e\"");
    expect("\"$C\" bench --compare schema.json old.json", 4, "schema 99, this version reads 1");
    expect("\"$C\" bench --compare text.json old.json", 4, "text.json: line 1");
    expect("\"$C\" bench --compare empty.json old.json", 4, "no document of");
    expect("\"$C\" bench --compare rows.json old.json", 4, "row 0 is no object");
    expect("\"$C\" bench --compare absent.json old.json", 4, "absent.json");
}

/* --- The page ------------------------------------------------------------------------------------------------ */

static void nothing_in_a_document_is_markup(void **state)
{
    size_t size;
    (void)state;
    write_document("a.json", "<script>alert(1)</script> & \\\"x\\\"", 1, 1.0, 9, "ok");
    write_document("b.json", "b", 1, 2.0, 9, "wrong");
    expect("\"$C\" bench --html page.html a.json b.json", 1, ""); /* a row of the last one is wrong */
    char *page = read_whole("page.html", &size);
    static const char *const absent[] = { "<script", "<b>g", "m<i>", "a<b", "<peer>", "http://", "https://" };
    static const char *const there[] = { "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;x&quot;",
                                         "&lt;b&gt;g",
                                         "m&lt;i&gt;",
                                         "a&lt;b &amp; &#39;c&#39;",
                                         "&lt;peer&gt;",
                                         "<svg",
                                         "</html>",
                                         "<circle",
                                         "class=wrong" };
    for (size_t i = 0; i < sizeof absent / sizeof *absent; ++i)
        if (strstr(page, absent[i])) fail_msg("the page holds %s", absent[i]);
    for (size_t i = 0; i < sizeof there / sizeof *there; ++i)
        if (!strstr(page, there[i])) fail_msg("the page has no %s", there[i]);
    free(page);
}

/* --- Refusals --------------------------------------------------------------------------------------------------- */

static void bad_input_is_refused(void **state)
{
    static const struct {
        const char *line, *message;
    } lines[] = { { "nonsense", "not \\\"SUITE GROUP q|- CASE\\\"" },
                  { "games g q chess", "no such suite: games" },
                  { "ops g x relu f32 [3]", "SUITE GROUP" },
                  { "ops g q frobnicate f32 [3]", "not a case" },
                  { "ops g q matmul f32 [3,0] [0,3]", "a dimension below 1" },
                  { "ops g q relu i32 [3]", "benchmarks are f32" },
                  { "ops g q relu f32 [3", "not a case" },
                  { "train g q vgg batch=3", "no such net" },
                  { "train g q mlp batch=0", "batch= is below 1" },
                  { "start g q mlp batch=2 caches=some", "caches= is none, own or both" },
                  { "peaks g q warp", "no such peak" },
                  { "peaks g q copy", "copy needs mb=" },
                  { "replan g q lengths count=0", "count= is 1 to" } };
    char text[200];
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; ++i) {
        snprintf(text, sizeof text, "# one\n%s\n", lines[i].line);
        write_file("bad.txt", text, strlen(text));
        const char *message = i ? lines[i].message : "SUITE GROUP q|- CASE";
        expect("\"$C\" bench --shapes bad.txt", 4, message);
        expect("\"$C\" bench --shapes bad.txt", 4, "bad.txt:2: ");
    }
    write_file("none.txt", "# only a comment\n", 17);
    expect("\"$C\" bench --shapes none.txt", 4, "no shapes in it");
    expect("\"$C\" bench --shapes absent.txt", 4, "absent.txt: cannot be read");
    expect("\"$C\" bench --suite opps", 2, "no such suite: opps; did you mean ops?");
    expect("\"$C\" bench --family tpu", 2, "no such family: tpu");
    expect("\"$C\" bench --filter zzz", 2, "no shape is left");
    expect("\"$C\" bench --json --csv", 2, "one of them");
    expect("\"$C\" bench a.json", 2, "documents need --html or --compare");
    expect("\"$C\" bench --quick --html x.html a.json", 2, "nothing is measured where documents are given");
    expect("\"$C\" bench --html absent/x.html", 4, "--html");
    expect("\"$C\" bench --device nowhere", 3, "nowhere");
    expect("\"$C\" bench --serve nobody", 2, "");
}

/* A shape that the op refuses is a failed row, and the others are measured. */
static void a_failed_row_does_not_end_the_run(void **state)
{
    static const char text[] = "ops g q matmul f32 [2,3] [4,5]\nops g q matmul f32 [2,3] [3,5]\n";
    (void)state;
    write_file("mixed.txt", text, sizeof text - 1);
    expect("\"$C\" bench --shapes mixed.txt --no-peers --seconds 0.001", 1,
           "failed: matmul: inner sizes differ");
    assert_non_null(strstr(output, "[2,3] [3,5]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_gives_a_row),
        cmocka_unit_test(csv_has_a_line_for_each_row),
        cmocka_unit_test(the_list_is_complete),
        cmocka_unit_test(wrong_losses_are_marked),
        cmocka_unit_test(changes_beyond_the_noise_are_told),
        cmocka_unit_test(other_baselines_are_refused),
        cmocka_unit_test(nothing_in_a_document_is_markup),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(a_failed_row_does_not_end_the_run),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
