/* Generated code: what the kernels of all kinds ask of their device and group. */
#include <string.h>

#include "ops/op.h"
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

/* Kept results known before pass `l`; reductions of the pass before are stored here too. */
