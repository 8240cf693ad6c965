/* Types and words that every kernel uses, and the only place with #ifdef on vendors.
 *
 * A program's text is: this file, math.cl, then for each kernel its parameters, the planner's generated code
 * and its template file.
 *
 * VEC      floats in a vector of this kernel (1, 2, 4, 8, 16), defined by each kernel; VF VI VU are its types,
 *          VLOAD VSTORE its memory access (any element alignment).
 * FMA      a * b + c in the form that is fast here (FAST_FMA comes from the device's probe).
 * NAME     makes a function's name unique, so that several kernels can share a program: every function
 *          of a template, the kernel included, is written NAME(f).
 * STORE_PARAMS, STORE_ARGS, STORE_V(row, col, vf), STORE_S(row, col, f): how a contraction hands over a finished
 *          vector (VEC columns from `col`) or element of its result; the planner defines them, with the
 *          fused epilogue inside. STORE_PARAMS are the kernel's last parameters, STORE_ARGS passes them on.
 */
#pragma OPENCL FP_CONTRACT OFF

#define CLG_CAT_(a, b) a##b
#define CLG_CAT(a, b) CLG_CAT_(a, b)
#define NAME(x) CLG_CAT(x, CLG_CAT(_, KERNEL_ID))
#define KERNEL __kernel void
/* A function that stays one, for the registers' sake. */
#ifdef __clang__
#define OUTLINE __attribute__((noinline))
#else
#define OUTLINE
#endif

#define float1 float
#define int1 int
#define uint1 uint
#define VF CLG_CAT(float, VEC)
#define VI CLG_CAT(int, VEC)
#define VU CLG_CAT(uint, VEC)
#define VLOAD(p) CLG_CAT(VLOAD_, VEC)(p)
#define VSTORE(v, p) CLG_CAT(VSTORE_, VEC)(v, p)

/* Built-in functions by width. (Their names are macros on some drivers: they must not be pasted.) */
#define VLOAD_1(p) (*(p))
#define VLOAD_2(p) vload2(0, p)
#define VLOAD_4(p) vload4(0, p)
#define VLOAD_8(p) vload8(0, p)
#define VLOAD_16(p) vload16(0, p)
#define VSTORE_1(v, p) (*(p) = (v))
#define VSTORE_2(v, p) vstore2(v, 0, p)
#define VSTORE_4(v, p) vstore4(v, 0, p)
#define VSTORE_8(v, p) vstore8(v, 0, p)
#define VSTORE_16(v, p) vstore16(v, 0, p)
#define CONVERT_SHORT_1(x) convert_ushort(x)
#define CONVERT_SHORT_2(x) convert_ushort2(x)
#define CONVERT_SHORT_4(x) convert_ushort4(x)
#define CONVERT_SHORT_8(x) convert_ushort8(x)
#define CONVERT_SHORT_16(x) convert_ushort16(x)
#define CONVERT_F_1(x) convert_float(x)
#define CONVERT_F_2(x) convert_float2(x)
#define CONVERT_F_4(x) convert_float4(x)
#define CONVERT_F_8(x) convert_float8(x)
#define CONVERT_F_16(x) convert_float16(x)
#define CONVERT_I_1(x) convert_int(x)
#define CONVERT_I_2(x) convert_int2(x)
#define CONVERT_I_4(x) convert_int4(x)
#define CONVERT_I_8(x) convert_int8(x)
#define CONVERT_I_16(x) convert_int16(x)
#define CONVERT_U_1(x) convert_uint(x)
#define CONVERT_U_2(x) convert_uint2(x)
#define CONVERT_U_4(x) convert_uint4(x)
#define CONVERT_U_8(x) convert_uint8(x)
#define CONVERT_U_16(x) convert_uint16(x)
#define CONVERT_BYTE_1(x) convert_uchar(x)
#define CONVERT_BYTE_2(x) convert_uchar2(x)
#define CONVERT_BYTE_4(x) convert_uchar4(x)
#define CONVERT_BYTE_8(x) convert_uchar8(x)
#define CONVERT_BYTE_16(x) convert_uchar16(x)
#define AS_F_1(x) as_float(x)
#define AS_F_2(x) as_float2(x)
#define AS_F_4(x) as_float4(x)
#define AS_F_8(x) as_float8(x)
#define AS_F_16(x) as_float16(x)
#define AS_I_1(x) as_int(x)
#define AS_I_2(x) as_int2(x)
#define AS_I_4(x) as_int4(x)
#define AS_I_8(x) as_int8(x)
#define AS_I_16(x) as_int16(x)
#define AS_U_1(x) as_uint(x)
#define AS_U_2(x) as_uint2(x)
#define AS_U_4(x) as_uint4(x)
#define AS_U_8(x) as_uint8(x)
#define AS_U_16(x) as_uint16(x)

#ifdef FAST_FMA
#define FMA(a, b, c) fma(a, b, c)
#else
#define FMA(a, b, c) ((a) * (b) + (c))
#endif

/* Long vectors in global memory. A vload16 is several loads on drivers whose compilers then keep the pieces apart in the
 * work behind it; a vector type of its element's alignment is one access.                         */
#define LOAD_1(type, p) VLOAD_1(p)
#define LOAD_2(type, p) VLOAD_2(p)
#define LOAD_4(type, p) VLOAD_4(p)
#define STORE_1(type, v, p) VSTORE_1(v, p)
#define STORE_2(type, v, p) VSTORE_2(v, p)
#define STORE_4(type, v, p) VSTORE_4(v, p)
#ifdef __clang__
#define LOOSE(type)                                                                                          \
    typedef type##8 loose_##type##8 __attribute__((aligned(sizeof(type))));                                  \
    typedef type##16 loose_##type##16 __attribute__((aligned(sizeof(type))));
LOOSE(float)
LOOSE(int)
LOOSE(uint)
LOOSE(uchar)
#define LOAD_8(type, p) (*(__global const loose_##type##8 *)(p))
#define LOAD_16(type, p) (*(__global const loose_##type##16 *)(p))
#define STORE_8(type, v, p) (*(__global loose_##type##8 *)(p) = (v))
#define STORE_16(type, v, p) (*(__global loose_##type##16 *)(p) = (v))
#else
#define LOAD_8(type, p) VLOAD_8(p)
#define LOAD_16(type, p) VLOAD_16(p)
#define STORE_8(type, v, p) VSTORE_8(v, p)
#define STORE_16(type, v, p) VSTORE_16(v, p)
#endif

/* Results far larger than any cache: a store past the caches does not read first what it overwrites. */
#ifdef __clang__
#if __has_builtin(__builtin_nontemporal_store)
#define STREAM(v, p) CLG_CAT(STREAM_, W)(v, p)
#define STREAM_1(v, p) STORE_f32(v, p)
#define STREAM_2(v, p) STORE_f32(v, p)
#define STREAM_4(v, p) STORE_f32(v, p)
#define STREAM_8(v, p) STREAM_ALIGNED(8, v, p)
#define STREAM_16(v, p) STREAM_ALIGNED(16, v, p)
#define STREAM_ALIGNED(width, v, p)                                                                          \
    if (((ulong)(p) & (4 * width - 1)) == 0)                                                                 \
        __builtin_nontemporal_store(v, (__global float##width *)(p));                                        \
    else                                                                                                     \
        STORE_f32(v, p)
#endif
#endif
#ifndef STREAM
#define STREAM(v, p) STORE_f32(v, p)
#endif

/* Before a loop over the few elements that vectors leave: compilers make vectors of it too, and test first, every time,
 * whether its buffers overlap.                                                                    */
#ifdef __clang__
#define ELEMENT_LOOP _Pragma("clang loop vectorize(disable)")
#else
#define ELEMENT_LOOP
#endif

/* Words of generated code, for the width W of the block they stand in (F I U are its types). */
#define LOAD_f32(p) CLG_CAT(LOAD_, W)(float, p)
#define LOAD_i32(p) CLG_CAT(LOAD_, W)(int, p)
#define LOAD_u32(p) CLG_CAT(LOAD_, W)(uint, p)
#define LOAD_u8(p) CONVERT_I(CLG_CAT(LOAD_, W)(uchar, p))
#define LOAD_bool(p) (LOAD_u8(p) != 0)
#define LOAD_ONE_f32(p) (*(p))
#define LOAD_ONE_i32(p) (*(p))
#define LOAD_ONE_u32(p) (*(p))
#define LOAD_ONE_u8(p) ((int)*(p))
#define LOAD_ONE_bool(p) TRUTH(*(p))
/* One truth value for all lanes: -1 in a vector, 1 in a scalar. */
#define TRUTH(one) (W == 1 ? ((one) != 0) : -((one) != 0))
#define STORE_f32(v, p) CLG_CAT(STORE_, W)(float, v, p)
#define STORE_i32(v, p) CLG_CAT(STORE_, W)(int, v, p)
#define STORE_u32(v, p) CLG_CAT(STORE_, W)(uint, v, p)
#define STORE_u8(v, p) CLG_CAT(STORE_, W)(uchar, CLG_CAT(CONVERT_BYTE_, W)(v), p)
#define STORE_bool(v, p) STORE_u8((v) & 1, p)
/* bfloat16 in memory, f32 in registers: rounded to nearest, ties to even; a NaN stays one. */
#define BF16_BITS(v)                                                                                                   \
    (select(AS_U(v) + 0x7fff + (AS_U(v) >> 16 & 1), AS_U(v) | 0x400000, (v) != (v)) >> 16)
#define LOAD_bf16(p) AS_F(CONVERT_U(CLG_CAT(VLOAD_, W)(p)) << 16)
#define LOAD_ONE_bf16(p) as_float((uint)*(p) << 16)
#define STORE_bf16(v, p) CLG_CAT(VSTORE_, W)(CLG_CAT(CONVERT_SHORT_, W)(BF16_BITS(v)), p)
/* By the name of a stored type, f32 or bf16, as an operand of a template has it. */
#define MEMORY(type) CLG_CAT(MEMORY_, type)
#define MEMORY_f32 float
#define MEMORY_bf16 ushort
#define LOAD(type, p) CLG_CAT(LOAD_, type)(p)
#define LOAD_ONE(type, p) CLG_CAT(LOAD_ONE_, type)(p)
#define STORE(type, v, p) CLG_CAT(STORE_, type)(v, p)
#define CONVERT_F(x) CLG_CAT(CONVERT_F_, W)(x)
#define CONVERT_I(x) CLG_CAT(CONVERT_I_, W)(x)
#define CONVERT_U(x) CLG_CAT(CONVERT_U_, W)(x)
#define AS_F(x) CLG_CAT(AS_F_, W)(x)
#define AS_I(x) CLG_CAT(AS_I_, W)(x)
#define AS_U(x) CLG_CAT(AS_U_, W)(x)
#define LANES CLG_CAT(LANES_, W)
#define LANES_1 0
#define LANES_2 (int2)(0, 1)
#define LANES_4 (int4)(0, 1, 2, 3)
#define LANES_8 (int8)(0, 1, 2, 3, 4, 5, 6, 7)
#define LANES_16 (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#define ANY(x) CLG_CAT(ANY_, W)(x)
#define ANY_1(x) (x)
#define ANY_2(x) any(x)
#define ANY_4(x) any(x)
#define ANY_8(x) any(x)
#define ANY_16(x) any(x)

/* The report of a failed range check (src/ops/op.h): the first one found stays. a to d: the op's name. */
#define REPORT_RANGE(flag, index, limit, a, b, c, d)                                                                  \
    do {                                                                                                               \
        __global uint *words = (flag);                                                                                 \
        if (atomic_cmpxchg((volatile __global uint *)words, 0u, 1u) == 0u) {                                           \
            words[1] = (uint)(index), words[2] = (limit);                                                              \
            words[3] = (a), words[4] = (b), words[5] = (c), words[6] = (d);                                            \
        }                                                                                                              \
    } while (0)

/* get_group_id() in a launch that is cut into pieces (src/device/opencl/launch.c); get_global_id() knows by itself. Sizes
 * of the launch are not to be asked for: a piece has others.                                        */
#define GROUP_ID(axis) (get_group_id(axis) + get_global_offset(axis) / get_local_size(axis))

/* Rows that a work-group of GROUP items shares (row.cl). */
#define FIRST_ITEM (GROUP == 1 || get_local_id(0) == 0)
#define FIRST_COLUMN (GROUP == 1 ? 0 : (long)get_local_id(0))
#define NEXT_COLUMN GROUP
