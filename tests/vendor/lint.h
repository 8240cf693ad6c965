/* What the planner and the ops write in front of a kernel template, with plain values, so that each template of
 * cl/ compiles alone: see test_lint.sh. A variant overrides a value with -D. Not a kernel header.     */
#define KERNEL_ID lint

/* A result of rows x 16 columns, as a fused epilogue would store it. */
#ifndef SPLIT
#define SPLIT 1
#endif
#ifndef VEC
#define VEC 4
#endif
#if SPLIT == 1
#define STORE_PARAMS         __global float *lint_y
#define STORE_ARGS           lint_y
#define STORE_V(row, col, v) VSTORE(v, lint_y + (row)*16 + (col))
#define STORE_S(row, col, v) (lint_y[(row)*16 + (col)] = (v))
#endif

/* The code that map, row and column call: y = sum of x along what they reduce. */
#define PARAMETERS __global float *y, __global const float *x
#define ARGUMENTS  y, x
#define LINT_REDUCE(name, type, load, store)                                                                 \
    static void NAME(name)(long o, long first, long last, long column, __global float *parts, ulong at,      \
                           ulong field, PARAMETERS)                                                          \
    {                                                                                                        \
        type sum = (type)(0.0f);                                                                             \
        for (long i = first; i < last; ++i) sum += load(x + o + i * (long)field + column);                   \
        store(sum, parts + at);                                                                              \
        y[o] = 0.0f;                                                                                         \
    }
#ifdef LINT_ENGINE
#include "../../cl/engine_fma.cl"
#endif
#ifdef LINT_ENGINE_PACK
#include "../../cl/engine_pack.cl"
#endif
#ifdef LINT_WINOGRAD
#include "../../cl/conv_winograd_tiles.cl"
#endif
#ifdef LINT_LANES
#include "../../cl/attention_lanes.cl"
#endif
#ifdef LINT_TILES
#include "../../cl/attention_tiles.cl"
#endif
#ifdef LINT_COLUMN
LINT_REDUCE(vector, VF, VLOAD, VSTORE)
LINT_REDUCE(scalar, float, VLOAD_1, VSTORE_1)
#endif
#ifdef LINT_MAP
static void NAME(vector)(long row, long column, PARAMETERS)
{
    VSTORE(VLOAD(x + row * 16 + column), y + row * 16 + column);
}
static void NAME(scalar)(long row, long column, PARAMETERS)
{
    y[row * 16 + column] = x[row * 16 + column];
}
#endif
#ifdef LINT_ROW
static void NAME(work)(long row, long cols, __local float *scratch, PARAMETERS)
{
    float sum = 0.0f;
    for (long c = FIRST_COLUMN; c < cols; c += NEXT_COLUMN) sum += x[row * cols + c];
    scratch[GROUP == 1 ? 0 : get_local_id(0)] = sum;
    if (FIRST_ITEM) y[row] = scratch[0];
}
#endif
#ifdef LINT_FINISH
static void NAME(finish)(long o, long column, long splits, __global const float *parts, ulong at, ulong kept,
                         PARAMETERS)
{
    float sum = x[0];
    for (long i = 0; i < splits; ++i) sum += parts[at + i * kept];
    y[o + column] = sum;
}
#endif

/* Parameters: one small problem for all. */
#define LINT_IMAGE 16
#define XH         LINT_IMAGE
#define XW         LINT_IMAGE
#define YH         LINT_IMAGE
#define YW         LINT_IMAGE
#define KH         3
#define KW         3
#define WIN_H      2
#define WIN_W      2
#ifndef STRIDE_H
#define STRIDE_H 1
#define STRIDE_W 1
#endif
#ifndef DILATE_H
#define DILATE_H 1
#define DILATE_W 1
#endif
#ifndef PAD_H
#define PAD_H 1
#define PAD_W 1
#endif
#ifndef ADAPTIVE
#define ADAPTIVE 0
#endif
#ifndef TAP_H
#define TAP_H 1
#define TAP_W 1
#endif
#ifndef GROUPS
#define GROUPS 1
#endif
#define IN_GROUP  (16 / GROUPS)
#define OUT_GROUP (16 / GROUPS)
#ifndef BLOCKS
#define BLOCKS 1
#endif
#define S0 4096
#define S1 256
#define S2 16
#define S3 1
#define T0 4096
#define T1 256
#define T2 16
#define A0 4096
#define A1 256
#define A2 16
#define A3 1
#define B0 4096
#define B1 256
#define B2 16
#define B3 1
#define D1 16
#define D2 16
#define D3 16
