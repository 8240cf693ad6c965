/* See programs.h. A line of the index, between tabs:
 *
 *     program kernel family source op implementation template work-items local-bytes defines
 */
#include "vendor/programs.h"

#include <string.h>

#include "base/hash.h"
#include "device/cl_file.h"

static void close_program(program_writer *w)
{
    if (w->program && fclose(w->program))
        clgi_fail(&w->error, CLG_EIO, "programs: cannot write %s", w->folder);
    w->program = NULL;
    w->in_program = 0;
}

void programs_begin(program_writer *w, const char *family)
{
    close_program(w);
    clgi_kernel_head_finish(&w->head);
    memset(&w->head, 0, sizeof w->head);
    w->family = family;
    clgi_kernel_head_make(&w->head, 1, &w->error);
}

static void next_program(program_writer *w)
{
    clgi_text path = { 0 };
    if (w->program && w->in_program < PROGRAM_KERNELS) return;
    close_program(w);
    clgi_text_add(&path, "%s/%s-%04d.cl", w->folder, w->family, ++w->programs);
    w->program = path.failed ? NULL : fopen(path.data, "w");
    if (!w->program) clgi_fail(&w->error, CLG_EIO, "programs: cannot write into %s", w->folder);
    clgi_text_finish(&path);
}

static void note_file(program_writer *w, const char *file)
{
    char line[80];
    if (!w->files.data) clgi_text_add(&w->files, "\n");
    snprintf(line, sizeof line, "\n%s\n", file);
    if (!w->files.failed && !strstr(w->files.data, line)) clgi_text_add(&w->files, "%s\n", file);
}

/* Files whose text was put before a template, as the planner marks them. */
static void note_included(program_writer *w, const char *code)
{
    static const char mark[] = "#line 1 \"cl/";
    while ((code = strstr(code, mark))) {
        char file[64];
        code += sizeof mark - 1;
        snprintf(file, sizeof file, "%.*s", (int)strcspn(code, "\""), code);
        note_file(w, file);
    }
}

/* The kernel of that text, added where there is none (then its name is empty). NULL without memory. */
static written_kernel *kernel_of(program_writer *w, const clgi_kernel_source *source)
{
    const char *texts[] = { source->file, source->defines, source->code };
    clgi_text all = { 0 };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) clgi_text_add(&all, "%s\n", texts[i]);
    const uint64_t hash = all.failed ? 0 : clgi_hash64(all.data, all.length);
    clgi_text_finish(&all);
    for (size_t i = 0; i < w->count; i++)
        if (w->kernels[i].hash == hash) return &w->kernels[i];
    if (!CLGI_GROW(w->kernels, w->count, w->capacity)) {
        clgi_fail_memory(&w->error, sizeof *w->kernels);
        return NULL;
    }
    w->kernels[w->count] = (written_kernel){ .hash = hash, .family = w->family, .source = w->source };
    return &w->kernels[w->count++];
}

static void write_kernel(program_writer *w, written_kernel *kernel, const clgi_kernel_source *source)
{
    clgi_kernel_name name;
    clgi_text text = { 0 }, defines = { 0 };
    if (!clgi_kernel_name_make(&name, &w->head, "offline", source, &w->error)) next_program(w);
    if (!w->error.status) {
        clgi_kernel_text_add(&text, &w->head, &name, source);
        if (text.failed) clgi_fail_memory(&w->error, text.capacity);
    }
    if (!w->error.status) {
        if (!w->in_program++) fputs(w->head.text.data, w->program);
        fputs(text.data, w->program);
        memcpy(kernel->name, name.function, sizeof kernel->name);
        kernel->program = w->programs;
        clgi_text_add(&defines, "%s", source->defines);
        kernel->defines = defines.data;
    }
    clgi_text_finish(&text);
}

static void add_source(program_writer *w, const clgi_kernel_source *source, const char *implementation,
                       uint64_t local_bytes)
{
    const uint64_t items = source->local[0] * source->local[1] * source->local[2];
    note_file(w, source->file);
    if (source->code) note_included(w, source->code);
    written_kernel *kernel = w->error.status ? NULL : kernel_of(w, source);
    if (!kernel) return;
    if (!kernel->name[0]) {
        kernel->op = source->op, kernel->implementation = implementation, kernel->file = source->file;
        write_kernel(w, kernel, source);
    }
    if (items > kernel->items) kernel->items = items;
    if (local_bytes > kernel->local_bytes) kernel->local_bytes = local_bytes;
}

void programs_add_plan(program_writer *w, const clgi_plan *plan)
{
    for (int s = 0; s < plan->n_steps; s++) {
        const clgi_step *step = &plan->steps[s];
        clgi_kernel_source source = { .file = step->file, .op = step->op };
        uint64_t local_bytes = 0;
        if (step->kind != CLGI_STEP_KERNEL) continue;
        source.defines = step->source_defines.data ? step->source_defines.data : "";
        source.code = step->source_code.data ? step->source_code.data : "";
        memcpy(source.local, step->local, sizeof source.local);
        for (int p = 0; p < step->n_parameters; p++)
            if (step->parameters[p].kind == CLGI_PARAMETER_LOCAL) local_bytes += step->parameters[p].bytes;
        add_source(w, &source, step->implementation, local_bytes);
    }
}

void programs_add_probe(program_writer *w, int vector, int side)
{
    char defines[80];
    const uint64_t edge = (uint64_t)side;
    const clgi_kernel_source source = {
        .file = "probe.cl", .defines = defines, .code = "", .op = "probe", .local = { edge, edge, 1 }
    };
    snprintf(defines, sizeof defines, "#define VEC %d\n#define SIDE %d\n", vector, side);
    add_source(w, &source, "probe", 0);
}

int programs_missing_files(const program_writer *w)
{
    static const char parts[] = "\nprelude.cl\nmath.cl\n"; /* in front of every program */
    char line[80];
    int missing = 0;
    for (const clgi_embedded_file *file = clgi_embedded_files; file->name; file++) {
        snprintf(line, sizeof line, "\n%s\n", file->name);
        if (strstr(parts, line) || (w->files.data && strstr(w->files.data, line))) continue;
        fprintf(stderr, "no case reaches cl/%s\n", file->name);
        missing++;
    }
    return missing;
}

/* "#define A 1\n#define B 2\n" as "A=1 B=2". */
static void print_defines(FILE *to, const char *defines)
{
    char name[80], value[80];
    int length;
    for (; defines && sscanf(defines, " #define %79s %79s%n", name, value, &length) == 2; defines += length)
        fprintf(to, " %s=%s", name, value);
    fputc('\n', to);
}

static void write_index(program_writer *w)
{
    clgi_text path = { 0 };
    clgi_text_add(&path, "%s/kernels.tsv", w->folder);
    FILE *index = path.failed ? NULL : fopen(path.data, "w");
    for (size_t i = 0; index && i < w->count; i++) {
        const written_kernel *k = &w->kernels[i];
        fprintf(index, "%s-%04d\t%s\t%s\t%s\t%s\t%s\t%s\t%llu\t%llu\t", k->family, k->program, k->name,
                k->family, k->source, k->op, k->implementation, k->file, (unsigned long long)k->items,
                (unsigned long long)k->local_bytes);
        print_defines(index, k->defines);
    }
    if (!index || fclose(index)) clgi_fail(&w->error, CLG_EIO, "programs: cannot write %s", w->folder);
    clgi_text_finish(&path);
}

clg_status programs_finish(program_writer *w, clg_error *error)
{
    close_program(w);
    if (!w->error.status) write_index(w);
    for (size_t i = 0; i < w->count; i++) clgi_free(w->kernels[i].defines);
    clgi_kernel_head_finish(&w->head);
    clgi_text_finish(&w->files);
    clgi_free(w->kernels);
    return w->error.status ? clgi_error_copy(error, &w->error) : CLG_OK;
}
