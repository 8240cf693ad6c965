/* A matrix product as its kernels see it. */
#ifndef CLGI_MATMUL_PRODUCT_H
#define CLGI_MATMUL_PRODUCT_H

#include "ops/op.h"

/* The product with its batch axes merged into at most three. */
typedef struct clgi_product {
    int64_t m, n, k, batch;
    int64_t size[3]; /* outermost first; 1 where unused */
    int64_t a_batch[3], b_batch[3];
    int64_t a_row, a_step; /* strides of a along m and k */
    int64_t b_row, b_col;  /* strides of b along k and n */
} clgi_product;

/* 1, or 0 with a reason. */
int clgi_product_of(const clgi_problem *problem, clgi_product *ret_product, const char **ret_why);

/* A parameter of the product's kernel (device/tunables.def), looked up by the class of its shape: "small", "skinny",
 * "medium" or "large".                                                                             */
int clgi_product_parameter(const clgi_problem *problem, const clgi_product *p, const char *kernel,
                           const char *name, int fallback);

#endif
