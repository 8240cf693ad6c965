/* Generated code: what the kernels of all kinds ask of their device and group. */
#include <ctype.h>
#include <string.h>

#include "ops/rules.h"
#include "plan/codegen.h"

const clgi_group *clgi_code_group(const clgi_emitter *emitter)
{
    return &emitter->plan->groups[emitter->group];
}

int clgi_code_is_gpu(const clgi_emitter *emitter)
{
    return clgi_device_traits(emitter->plan->device)->family == CLG_FAMILY_GPU;
}

uint64_t clgi_code_at_most_group(const clgi_emitter *emitter, uint64_t wished)
{
    uint64_t limit = clgi_device_traits(emitter->plan->device)->max_work_group, local = 1;
    while (2 * local <= wished && 2 * local <= limit) local *= 2;
    return local;
}

int clgi_code_vector_width(const clgi_emitter *emitter, const clgi_code *code, clgi_axis_class axis_class)
{
    int width = (int)clgi_device_traits(emitter->plan->device)->vector;
    if (clgi_code_is_gpu(emitter) || !clgi_code_is_vectorisable(code, axis_class)) return 1;
    while (width > 1 && width > clgi_code_size(code, axis_class)) width /= 2;
    return width;
}

void clgi_code_all_nodes(const clgi_group *group, unsigned char *marks)
{
    memset(marks, 0, CLGI_CODE_NODES);
    memset(marks, 1, (size_t)group->n_nodes);
}

int clgi_code_is_kept(const clgi_code *code, int n)
{
    return clgi_role_of(code->group, code->group->nodes[n]) == CLGI_KEPT;
}

int clgi_code_is_reduction(const clgi_code *code, int n)
{
    return code->group->nodes[n]->op->kind == CLGI_REDUCE;
}

/* --- Stores past the caches ----------------------------------------------------------------------- */

enum { STREAM_BYTES = 128 << 20 }; /* far larger than what a cache may keep until it is read */

/* Does a formula call more than a choice or a constant? */
static int calls_function(const char *formula)
{
    for (const char *open = strchr(formula, '('); open; open = strchr(open + 1, '(')) {
        const char *word = open;
        while (word > formula && isalnum((unsigned char)word[-1])) --word;
        const size_t length = (size_t)(open - word);
        if (length && !(length == 1 && *word == 'K') && strncmp(word, "SELECT", length)) return 1;
    }
    return 0;
}

/* Beside functions like exp, and random numbers, such stores cost more than they save. */
static int is_long_work(const clgi_code *code)
{
    if (code->uses_random) return 1;
    for (int n = 0; n < code->group->n_nodes; ++n) {
        const clgi_node *node = code->group->nodes[n];
        if (node->op->kind == CLGI_ELEMENTWISE && node->op != &clgi_op_where && node->op != &clgi_op_cast &&
            node->op != &clgi_op_check_range && !clgi_code_is_kept(code, n) &&
            calls_function(clgi_elementwise_rows[node->op->code].formula))
            return 1;
    }
    return 0;
}

int clgi_code_is_streamed(const clgi_code *code, int k)
{
    const clgi_value *value = &code->plan->values[code->operands[k].value];
    if (code->group->kind != CLGI_GROUP_MAP && code->group->kind != CLGI_GROUP_ROW) return 0;
    return value->dtype == CLG_F32 && !value->bf16 && value->bytes >= STREAM_BYTES &&
           value->place != CLGI_IN_SLOT && !is_long_work(code);
}
