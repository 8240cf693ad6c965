/* Pictures from folders and archives: the same data set from both, and everything that is refused, with
 * its name. */
#include "file_case.h"

#include "base/memory.h"

#include <clgrad/data.h>

#if defined(CLGI_HAVE_ARCHIVE) && defined(CLGI_HAVE_JPEG)

#include <archive.h>
#include <archive_entry.h>
#include <jpeglib.h>
#include <sys/stat.h>

enum { SIDE = 8, BYTES = SIDE * SIDE * 3, ROOM = 1 << 14 };

typedef struct file {
    const char *name;
    const uint8_t *bytes;
    size_t size;
    const char *link; /* a link to it */
    int hard;
} file;

static uint8_t pictures[4][ROOM];
static size_t sizes[4];

/* A picture of one colour: grey levels survive JPEG within a few steps. */
static size_t make_jpeg(uint8_t *to, int width, int height, int level)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    uint8_t row[3 * 64];
    memset(row, level, sizeof row);
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, &size);
    jpeg.image_width = (JDIMENSION)width;
    jpeg.image_height = (JDIMENSION)height;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    JSAMPROW rows[] = { row };
    while (jpeg.next_scanline < jpeg.image_height) jpeg_write_scanlines(&jpeg, rows, 1);
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    assert_true(size <= ROOM);
    memcpy(to, bytes, size);
    free(bytes);
    return size;
}

static int make_pictures(void **state)
{
    static const int levels[] = { 20, 90, 160, 230 };
    (void)state;
    for (int i = 0; i < 4; ++i) sizes[i] = make_jpeg(pictures[i], SIDE, SIDE, levels[i]);
    return 0;
}

typedef enum kind { TAR_XZ, TAR_GZ, TAR, ZIP } kind;

static void write_archive(const char *path, kind k, const file *files, size_t n)
{
    struct archive *a = archive_write_new();
    assert_non_null(a);
    if (k == ZIP)
        archive_write_set_format_zip(a);
    else
        archive_write_set_format_pax_restricted(a);
    if (k == TAR_XZ) archive_write_add_filter_xz(a);
    if (k == TAR_GZ) archive_write_add_filter_gzip(a);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    for (size_t i = 0; i < n; ++i) {
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, files[i].name);
        archive_entry_set_perm(entry, 0644);
        const int soft = files[i].link && !files[i].hard;
        archive_entry_set_filetype(entry, soft ? AE_IFLNK : AE_IFREG);
        if (soft) archive_entry_set_symlink(entry, files[i].link);
        if (files[i].hard) archive_entry_set_hardlink(entry, files[i].link);
        archive_entry_set_size(entry, (la_int64_t)files[i].size);
        assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
        if (files[i].size)
            assert_int_equal(archive_write_data(a, files[i].bytes, files[i].size), (la_ssize_t)files[i].size);
        archive_entry_free(entry);
    }
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
}

#define PICTURE(i) pictures[i], sizes[i], NULL, 0
#define TEXT(text) (const uint8_t *)text, sizeof text - 1, NULL, 0

/* Not in the order of the data set; "zebra" only in the other split. */
#define GOOD                                                                                                 \
    { "set/train/dog/2.jpg", PICTURE(2) }, { "set/train/cat/1.JPG", PICTURE(1) },                            \
        { "set/test/zebra/0.jpeg", PICTURE(3) }, { "set/train/cat/0.jpg", PICTURE(0) },                      \
        { "set/train/dog/notes.txt", TEXT("no picture") }, { "set/train/cat/.jpg", TEXT("hidden") },         \
    {                                                                                                        \
        "README.md", TEXT("words")                                                                           \
    }
enum { N_GOOD = 7, N_TRAIN = 3 };

static void check_good(const char *path)
{
    static const int labels[] = { 0, 0, 1 };
    clg_error error = CLG_ERROR_INIT;
    clg_dataset *data;
    expect_ok(clg_dataset_images(path, CLG_SPLIT_TRAIN, &data, &error), &error);
    assert_int_equal(clg_dataset_count(data), N_TRAIN);
    assert_int_equal(clg_dataset_classes(data), 3);
    const clg_shape shape = clg_dataset_sample_shape(data);
    assert_true(shape.ndim == 3 && shape.dim[0] == SIDE && shape.dim[1] == SIDE && shape.dim[2] == 3);
    for (int i = 0; i < N_TRAIN; ++i) {
        assert_int_equal(clg_dataset_label(data, i), labels[i]);
        for (int k = 0; k < BYTES; ++k)
            assert_in_range(clg_dataset_pixels(data, i)[k], 18 + 70 * i, 22 + 70 * i);
    }
    clg_dataset_destroy(data);
    expect_ok(clg_dataset_images(path, CLG_SPLIT_TEST, &data, &error), &error);
    assert_int_equal(clg_dataset_count(data), 1);
    assert_int_equal(clg_dataset_classes(data), 3);
    assert_int_equal(clg_dataset_label(data, 0), 2);
    clg_dataset_destroy(data);
}

static void test_archives(void **state)
{
    static const char *const names[] = { "a.tar.xz", "a.tgz", "a.tar", "a.zip" };
    const file files[] = { GOOD };
    (void)state;
    for (int k = 0; k < 4; ++k) {
        file_case c = case_begin();
        write_archive(case_path(&c, names[k]), (kind)k, files, N_GOOD);
        check_good(c.path);
        check_good(c.folder); /* stands for the archive in it */
        case_finish(&c, &names[k], 1);
    }
}

static void run(const char *format, const char *folder)
{
    char command[200];
    snprintf(command, sizeof command, format, folder);
    assert_int_equal(system(command), 0);
}

static void test_folder(void **state)
{
    const file files[] = { GOOD };
    clg_error error = CLG_ERROR_INIT;
    clg_dataset *data;
    char link[100];
    (void)state;
    file_case c = case_begin();
    run("mkdir -p %s/set/train/dog", c.folder);
    run("mkdir -p %s/set/train/cat", c.folder);
    run("mkdir -p %s/set/test/zebra", c.folder);
    for (int i = 0; i < N_GOOD; ++i) case_write(case_path(&c, files[i].name), files[i].bytes, files[i].size);
    check_good(c.folder);
    snprintf(link, sizeof link, "%s/set/train/dog/3.jpg", c.folder);
    assert_int_equal(symlink("2.jpg", link), 0);
    assert_int_equal(clg_dataset_images(c.folder, CLG_SPLIT_TRAIN, &data, &error), CLG_EFORMAT);
    expect_error(&error, CLG_EFORMAT, "refused: set/train/dog/3.jpg is a link");
    run("rm -r %s", c.folder);
}

/* --- Refused ----------------------------------------------------------------------------------- */

/* Writes another size into the header of a picture: what a bomb does. */
static void lie_about_size(uint8_t *jpeg, size_t size, unsigned side)
{
    for (size_t i = 0; i + 9 < size; ++i) {
        if (jpeg[i] != 0xff || jpeg[i + 1] != 0xc0) continue;
        jpeg[i + 5] = jpeg[i + 7] = (uint8_t)(side >> 8);
        jpeg[i + 6] = jpeg[i + 8] = (uint8_t)side;
        return;
    }
    fail_msg("no frame header");
}

static clg_status read_archive(const file *files, size_t n, kind k, clg_error *error)
{
    static const char *const name = "a.tar";
    clg_dataset *data = NULL;
    file_case c = case_begin();
    write_archive(case_path(&c, name), k, files, n);
    const clg_status status = clg_dataset_images(c.path, CLG_SPLIT_TRAIN, &data, error);
    clg_dataset_destroy(data);
    case_finish(&c, &name, 1);
    return status;
}

static void test_refused(void **state)
{
    static uint8_t wide[ROOM], huge[ROOM], damaged[ROOM];
    const size_t wide_size = make_jpeg(wide, SIDE + 1, SIDE, 50);
    const uint64_t alive = clgi_alloc_alive();
    (void)state;
    memcpy(huge, pictures[0], sizes[0]);
    lie_about_size(huge, sizes[0], 60000);
    memcpy(damaged, pictures[0], sizes[0]);
    lie_about_size(damaged, sizes[0], 64); /* more pixels than data */
    const struct {
        file entry;
        clg_status status;
        const char *message;
    } rows[] = {
        { { "train/a/../../../etc/1.jpg", PICTURE(0) },
          CLG_EFORMAT,
          "../etc/1.jpg leads out of the archive (..)" },
        { { "..", TEXT("") }, CLG_EFORMAT, "refused: .. leads out" },
        { { "/train/a/1.jpg", PICTURE(0) }, CLG_EFORMAT, "refused: /train/a/1.jpg is an absolute name" },
        { { "train/a/1.jpg", NULL, 0, "/etc/passwd", 0 }, CLG_EFORMAT, "refused: train/a/1.jpg is a link" },
        { { "elsewhere", NULL, 0, "0.jpg", 0 }, CLG_EFORMAT, "refused: elsewhere is a link" },
        { { "train/a/1.jpg", NULL, 0, "train/a/0.jpg", 1 }, CLG_EFORMAT, "refused: train/a/1.jpg is a link" },
        { { "train/a/0.jpg", PICTURE(0) }, CLG_EFORMAT, "train/a/0.jpg is there twice" },
        { { "train/a/1.jpg", pictures[1], sizes[1] / 2, NULL, 0 },
          CLG_EFORMAT,
          "train/a/1.jpg: Premature end of JPEG" },
        { { "train/a/1.jpg", pictures[1], 1, NULL, 0 }, CLG_EFORMAT, "train/a/1.jpg: " },
        { { "train/a/1.jpg", TEXT("") }, CLG_EFORMAT, "train/a/1.jpg: the file is empty" },
        { { "train/a/1.jpg", TEXT("no picture") }, CLG_EFORMAT, "train/a/1.jpg: Not a JPEG file" },
        { { "train/a/1.jpg", wide, wide_size, NULL, 0 },
          CLG_ESHAPE,
          "train/a/1.jpg: the picture has 9 x 8 pixels, the others have 8 x 8" },
        { { "train/a/1.jpg", huge, sizes[0], NULL, 0 },
          CLG_EFORMAT,
          "train/a/1.jpg: the picture is too large: 60000 x 60000 pixels, limit 4096" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        const file files[] = { { "train/a/0.jpg", PICTURE(0) }, rows[i].entry };
        clg_error error = CLG_ERROR_INIT;
        assert_int_equal(read_archive(files, 2, TAR, &error), rows[i].status);
        expect_error(&error, rows[i].status, rows[i].message);
        expect_error(&error, rows[i].status, "a.tar: ");
    }
    const file short_of_data = { "train/a/0.jpg", damaged, sizes[0], NULL, 0 };
    clg_error error = CLG_ERROR_INIT;
    assert_int_equal(read_archive(&short_of_data, 1, TAR, &error), CLG_EFORMAT);
    assert_int_equal(clgi_alloc_alive(), alive);
}

static void test_large_file(void **state)
{
    enum { LARGE = (1 << 24) + 1 };
    uint8_t *bytes = calloc(1, LARGE);
    assert_non_null(bytes);
    (void)state;
    memcpy(bytes, pictures[0], sizes[0]);
    const file files[] = { { "train/a/0.jpg", bytes, LARGE, NULL, 0 } };
    clg_error error = CLG_ERROR_INIT;
    assert_int_equal(read_archive(files, 1, TAR_GZ, &error), CLG_EFORMAT);
    expect_error(&error, CLG_EFORMAT, "train/a/0.jpg is larger than 16777216 bytes");
    free(bytes);
}

static void test_nothing_there(void **state)
{
    static const file other[] = { { "test/a/0.jpg", TEXT("") }, { "train/0.jpg", TEXT("") } };
    clg_error errors[6] = { CLG_ERROR_INIT };
    clg_dataset *data;
    (void)state;
    assert_int_equal(read_archive(other, 0, TAR, &errors[0]), CLG_EFORMAT);
    expect_error(&errors[0], CLG_EFORMAT, "no JPEG files named train/CLASS/NAME.jpg (0 in the other split)");
    assert_int_equal(read_archive(other, 2, ZIP, &errors[1]), CLG_EFORMAT);
    expect_error(&errors[1], CLG_EFORMAT, "no JPEG files named train/CLASS/NAME.jpg (1 in the other split)");
    file_case c = case_begin();
    assert_int_equal(clg_dataset_images(c.folder, CLG_SPLIT_TRAIN, &data, &errors[2]), CLG_EFORMAT);
    assert_int_equal(clg_dataset_images(case_path(&c, "gone"), CLG_SPLIT_TRAIN, &data, &errors[3]), CLG_EIO);
    expect_error(&errors[3], CLG_EIO, "gone");
    case_write(case_path(&c, "a.tar"), "words", 5);
    case_write(case_path(&c, "b.zip"), "words", 5);
    assert_int_equal(clg_dataset_images(c.folder, CLG_SPLIT_TRAIN, &data, &errors[4]), CLG_EINVAL);
    expect_error(&errors[4], CLG_EINVAL, "the folder holds 2 archives");
    assert_int_equal(clg_dataset_images(c.path, CLG_SPLIT_TRAIN, &data, &errors[5]), CLG_EFORMAT);
    expect_error(&errors[5], CLG_EFORMAT, "b.zip: ");
    case_finish(&c, (const char *[]){ "a.tar", "b.zip" }, 2);
    assert_int_equal(clg_dataset_images(NULL, CLG_SPLIT_TRAIN, &data, NULL), CLG_EINVAL);
}

/* An archive that ends anywhere: an error or fewer pictures, never a crash. */
static void test_cut(void **state)
{
    static const char *const name = "a.tar.xz";
    const file files[] = { GOOD };
    size_t size;
    (void)state;
    file_case c = case_begin();
    write_archive(case_path(&c, name), TAR_XZ, files, N_GOOD);
    char *bytes = case_read(c.path, &size);
    for (size_t cut = 0; cut < size; cut += 13) {
        clg_dataset *data = NULL;
        case_write(c.path, bytes, cut);
        const clg_status status = clg_dataset_images(c.path, CLG_SPLIT_TRAIN, &data, NULL);
        assert_true(status == CLG_EFORMAT);
    }
    free(bytes);
    case_finish(&c, &name, 1);
}

static void test_out_of_memory(void **state)
{
    static const char *const name = "a.tar";
    const file files[] = { GOOD };
    clg_status status = CLG_ENOMEM;
    uint64_t n = 1;
    (void)state;
    file_case c = case_begin();
    write_archive(case_path(&c, name), TAR, files, N_GOOD);
    const uint64_t alive = clgi_alloc_alive();
    for (; status; ++n) {
        clg_dataset *data = NULL;
        clgi_alloc_fail_at(n, 1);
        status = clg_dataset_images(c.path, CLG_SPLIT_TRAIN, &data, NULL);
        clgi_alloc_fail_at(0, 0);
        if (status) assert_int_equal(status, CLG_ENOMEM);
        clg_dataset_destroy(data);
        assert_int_equal(clgi_alloc_alive(), alive);
    }
    assert_true(n > 8);
    case_finish(&c, &name, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_archives),      cmocka_unit_test(test_folder),
        cmocka_unit_test(test_refused),       cmocka_unit_test(test_large_file),
        cmocka_unit_test(test_nothing_there), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, make_pictures, NULL);
}

#else

/* The package that is missing is named. */
static void test_unsupported(void **state)
{
    static const char *const name = "a.tar";
    clg_error error = CLG_ERROR_INIT;
    clg_dataset *data;
    (void)state;
    file_case c = case_begin();
    case_write(case_path(&c, name), "", 0);
#ifndef CLGI_HAVE_ARCHIVE
    assert_int_equal(clg_dataset_images(c.path, CLG_SPLIT_TRAIN, &data, &error), CLG_EUNSUPPORTED);
    expect_error(&error, CLG_EUNSUPPORTED, "libarchive-dev");
#endif
    (void)error, (void)data;
    case_finish(&c, &name, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_unsupported) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
