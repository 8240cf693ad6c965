/* Puts a kernel's text together:
 *
 *     #define KERNEL_ID k<hash of what follows>
 *     parameters, generated code, template file (with #line)
 *     #undef of every macro that these define, so that the next kernel starts clean
 */
#include "device/kernel_text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- Macros -------------------------------------------------------------------------------------- */
static int is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static const char *skip_blanks(const char *at)
{
    while (*at == ' ' || *at == '\t') at++;
    return at;
}

/* The name after `# define` at the start of the line, or NULL. */
static const char *macro_of_line(const char *line)
{
    const char *at = skip_blanks(line);
    if (*at != '#') return NULL;
    at = skip_blanks(at + 1);
    if (strncmp(at, "define", 6) != 0 || is_word(at[6])) return NULL;
    at = skip_blanks(at + 6);
    return is_word(*at) ? at : NULL;
}

const char *clgi_next_macro(const char **cursor, size_t *ret_length)
{
    while (**cursor != '\0') {
        const char *name = macro_of_line(*cursor);
        *cursor += strcspn(*cursor, "\n");
        if (**cursor == '\n') (*cursor)++;
        if (name == NULL) continue;
        *ret_length = 0;
        while (is_word(name[*ret_length])) (*ret_length)++;
        return name;
    }
    return NULL;
}

static int is_listed(const clgi_text *macros, const char *name, size_t length)
{
    char word[128];
    if (macros->data == NULL || length + 3 > sizeof word) return 0;
    word[0] = word[length + 1] = '\n';
    memcpy(word + 1, name, length);
    word[length + 2] = '\0';
    return strstr(macros->data, word) != NULL;
}

static void add_string(clgi_text *text, const char *string)
{
    clgi_text_bytes(text, string, strlen(string));
}

static void undefine(clgi_text *text, const char *of, const clgi_text *kept)
{
    size_t length;
    for (const char *name; (name = clgi_next_macro(&of, &length)) != NULL;) {
        if (is_listed(kept, name, length)) continue;
        add_string(text, "#undef ");
        clgi_text_bytes(text, name, length);
        add_string(text, "\n");
    }
}

/* --- Digests ------------------------------------------------------------------------------------ */
static clgi_digest digest_of(const char *const *texts, size_t n)
{
    const void *parts[8];
    size_t sizes[8];
    for (size_t i = 0; i < n; i++) {
        parts[i] = texts[i];
        sizes[i] = strlen(texts[i]) + 1; /* with the NUL: where one text ends matters */
    }
    return clgi_hash128(parts, sizes, n);
}

static const char *text_or_empty(const char *text)
{
    return text != NULL ? text : "";
}

/* --- Head ---------------------------------------------------------------------------------------- */
clg_status clgi_kernel_head_make(clgi_kernel_head *head, int fast_fma, clg_error *error)
{
    const char *prelude = clgi_cl_file("prelude.cl"), *math = clgi_cl_file("math.cl");
    if (prelude == NULL) return clgi_fail(error, CLG_EINTERNAL, "kernels: prelude.cl is missing");
    if (fast_fma) clgi_text_add(&head->text, "#define FAST_FMA\n");
    clgi_text_add(&head->text, "#line 1 \"cl/prelude.cl\"\n%s\n", prelude);
    if (math != NULL) clgi_text_add(&head->text, "#line 1 \"cl/math.cl\"\n%s\n", math);
    if (head->text.failed) return clgi_fail_memory(error, head->text.capacity);
    const char *const whole[] = { head->text.data };
    head->digest = digest_of(whole, 1);
    size_t length;
    const char *cursor = head->text.data;
    clgi_text_add(&head->macros, "\n");
    for (const char *name; (name = clgi_next_macro(&cursor, &length)) != NULL;)
        clgi_text_add(&head->macros, "%.*s\n", (int)length, name);
    return head->macros.failed ? clgi_fail_memory(error, head->macros.capacity) : CLG_OK;
}

void clgi_kernel_head_finish(clgi_kernel_head *head)
{
    clgi_text_finish(&head->text);
    clgi_text_finish(&head->macros);
}

/* --- One kernel ---------------------------------------------------------------------------------- */
/* The entry in `KERNEL NAME(entry)(`: the wanted one, or the first. 0 when there is none. */
static int find_entry(const char *file, const char *wanted, char *ret_entry, size_t bytes)
{
    static const char mark[] = "KERNEL NAME(";
    for (const char *at = strstr(file, mark); at != NULL; at = strstr(at, mark)) {
        at += sizeof mark - 1;
        size_t length = strcspn(at, ")");
        if (length == 0 || length >= bytes) continue;
        if (wanted != NULL && (strlen(wanted) != length || memcmp(wanted, at, length) != 0)) continue;
        memcpy(ret_entry, at, length);
        ret_entry[length] = '\0';
        return 1;
    }
    return 0;
}

clg_status clgi_kernel_name_make(clgi_kernel_name *name, const clgi_kernel_head *head, const char *identity,
                                 const clgi_kernel_source *source, clg_error *error)
{
    char entry[80], local[80];
    const char *file = clgi_cl_file(source->file);
    if (file == NULL)
        return clgi_fail(error, CLG_EINTERNAL, "%s: no kernel file %s", source->op, source->file);
    if (!find_entry(file, source->entry, entry, sizeof entry))
        return clgi_fail(error, CLG_EINTERNAL, "%s: no kernel %s in %s", source->op,
                         source->entry != NULL ? source->entry : "KERNEL NAME(...)", source->file);
    snprintf(local, sizeof local, "%" PRIu64 " %" PRIu64 " %" PRIu64, source->local[0], source->local[1],
             source->local[2]);
    const char *own[] = { entry, local, text_or_empty(source->defines), text_or_empty(source->code), file };
    name->id = digest_of(own, 5);
    const char *all[] = { name->id.hex, identity, head->digest.hex };
    name->key = digest_of(all, 3);
    name->file = file;
    snprintf(name->function, sizeof name->function, "%s_k%.16s", entry, name->id.hex);
    return CLG_OK;
}

void clgi_kernel_text_add(clgi_text *text, const clgi_kernel_head *head, const clgi_kernel_name *name,
                          const clgi_kernel_source *source)
{
    const char *defines = text_or_empty(source->defines), *code = text_or_empty(source->code);
    clgi_text_add(text, "#define KERNEL_ID k%.16s\n", name->id.hex);
    add_string(text, defines);
    clgi_text_add(text, "\n#line 1 \"generated for %s\"\n", source->op);
    add_string(text, code);
    clgi_text_add(text, "\n#line 1 \"cl/%s\"\n", source->file);
    add_string(text, name->file);
    add_string(text, "\n");
    undefine(text, defines, &head->macros);
    undefine(text, code, &head->macros);
    undefine(text, name->file, &head->macros);
    clgi_text_add(text, "#undef KERNEL_ID\n");
}
