/* oneDNN 2 as a peer: what its two files share. */
#ifndef BENCH_PEER_ONEDNN_H
#define BENCH_PEER_ONEDNN_H

#include "case.h"
#include "server.h"

#include <oneapi/dnnl/dnnl.h>

/* The functions that are called, looked up in the library when it is opened. */
#define DNNL_FUNCTIONS(F)                                                                                    \
    F(engine_create)                                                                                         \
    F(stream_create)                                                                                         \
    F(stream_wait)                                                                                           \
    F(memory_desc_init_by_strides)                                                                           \
    F(memory_desc_init_by_tag)                                                                               \
    F(memory_desc_get_size)                                                                                  \
    F(memory_desc_equal)                                                                                     \
    F(memory_create)                                                                                         \
    F(memory_destroy)                                                                                        \
    F(memory_get_data_handle)                                                                                \
    F(primitive_desc_create)                                                                                 \
    F(primitive_desc_destroy)                                                                                \
    F(primitive_desc_query_md)                                                                               \
    F(primitive_create)                                                                                      \
    F(primitive_destroy)                                                                                     \
    F(primitive_execute)                                                                                     \
    F(reorder_primitive_desc_create)                                                                         \
    F(matmul_desc_init)                                                                                      \
    F(dilated_convolution_forward_desc_init)                                                                 \
    F(dilated_convolution_backward_data_desc_init)                                                           \
    F(dilated_convolution_backward_weights_desc_init)                                                        \
    F(eltwise_forward_desc_init)                                                                             \
    F(eltwise_backward_desc_init)                                                                            \
    F(softmax_forward_desc_init)                                                                             \
    F(softmax_backward_desc_init)                                                                            \
    F(layer_normalization_forward_desc_init)                                                                 \
    F(layer_normalization_backward_desc_init)                                                                \
    F(batch_normalization_forward_desc_init)                                                                 \
    F(batch_normalization_backward_desc_init)                                                                \
    F(version)

enum { DNNL_MOST_MEMORIES = 16, DNNL_MOST_STEPS = 6, DNNL_MOST_ARGUMENTS = 8 };

/* One primitive with its arguments. */
typedef struct dnnl_step {
    dnnl_primitive_t primitive;
    int n;
    dnnl_exec_arg_t arguments[DNNL_MOST_ARGUMENTS];
} dnnl_step;

typedef struct dnnl_session {
    void *library;
#define FIELD(name) __typeof__(dnnl_##name) *name;
    DNNL_FUNCTIONS(FIELD)
#undef FIELD
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    clgi_check_case c;
    const char *line;
    int blocked; /* layouts are oneDNN's own; else the user's, reorders included */
    int n_memories, n_steps;
    dnnl_memory_t memories[DNNL_MOST_MEMORIES];
    dnnl_step steps[DNNL_MOST_STEPS]; /* what is timed */
} dnnl_session;

/* Memory of the description, filled with numbers; NULL after an error. */
dnnl_memory_t bench_dnnl_memory(dnnl_session *s, const dnnl_memory_desc_t *md);
/* Adds a step; arguments with NULL memory are left out. 0 after an error. */
int bench_dnnl_step(dnnl_session *s, const_dnnl_primitive_desc_t pd, const dnnl_exec_arg_t *arguments, int n);
/* Cases: 0 where it is none of theirs or fails. */
int bench_dnnl_contraction(dnnl_session *s);
int bench_dnnl_norm(dnnl_session *s);

#endif
