#!/bin/bash
# Compiles every kernel template of cl/ alone, in its variants, with clang's OpenCL C 1.2 front end: no driver and
# no device are needed. What the planner would write in front of a template comes from lint.h.
# Exit code 77 (skipped) without clang.
set -u
cd "$(dirname "$0")/../.." || exit 1

clang=
for name in "${CLGRAD_CLANG:-clang}" clang-19 clang-18 clang-17 clang-16 clang-15 clang-14; do
    command -v "$name" > /dev/null && clang=$name && break
done
if [[ -z $clang ]]; then
    echo "skipped: no clang"
    exit 77
fi

# template, then the values of one variant. Every template has at least one line.
variants='
probe.cl
random.cl            VEC=1
random.cl            VEC=4
random.cl            VEC=8
random.cl            VEC=16
map.cl               LINT_MAP LINEAR=0 ITEM_ELEMENTS=4096
map.cl               LINT_MAP LINEAR=1 ITEM_ELEMENTS=4096 VEC=1
row.cl               LINT_ROW GROUP=1
row.cl               LINT_ROW GROUP=64
column.cl            LINT_COLUMN VEC=8
column.cl            LINT_COLUMN VEC=1
column_finish.cl     LINT_FINISH
engine_fma.cl        VEC=4
engine_amx.cl        VEC=16
engine_mma.cl        VEC=4
engine_wmma.cl       VEC=4
engine_xmx.cl        VEC=4
engine_pack.cl       VEC=1
engine_pack.cl       VEC=16
conv_engine_image.cl LINT_ENGINE_PACK VEC=1 PHASES=2 WIDTH=12 LINES=6 TOP=1 LEFT=1 CHANNELS=3 PAIRS=2 BLOCKS=1
conv_engine_image.cl LINT_ENGINE_PACK VEC=16 PHASES=1 WIDTH=11 LINES=11 TOP=1 LEFT=1 CHANNELS=64 PAIRS=16 BLOCKS=2
conv_engine_weights.cl LINT_ENGINE_PACK VEC=1 PAIRS=12 WIDTH=16 CHANNELS=16 CHANNELS_EACH=16 TO_X=0 COLUMN=144 CHANNEL=1 ROW=48 TAP=16 KH=3 KW=3 TAPS_H=3 TAPS_W=3 PHASES_H=1 PHASES_W=1 RUN=1 RUN_STEPS=2 BLOCKS=1
conv_engine_weights.cl LINT_ENGINE_PACK VEC=16 PAIRS=16 WIDTH=16 CHANNELS=64 CHANNELS_EACH=32 TO_X=0 COLUMN=576 CHANNEL=1 ROW=192 TAP=64 KH=3 KW=3 TAPS_H=3 TAPS_W=3 PHASES_H=1 PHASES_W=1 RUN=0 RUN_STEPS=3 BLOCKS=2
conv_engine_weights.cl LINT_ENGINE_PACK VEC=16 PAIRS=16 WIDTH=16 CHANNELS=64 CHANNELS_EACH=32 TO_X=1 COLUMN=1 CHANNEL=576 ROW=192 TAP=64 KH=3 KW=3 TAPS_H=2 TAPS_W=2 PHASES_H=2 PHASES_W=2 RUN=0 RUN_STEPS=2 BLOCKS=2
conv_engine_gradient.cl LINT_ENGINE_PACK VEC=1 ROWS=4 PAIRS=1 LINES=6 LINE=6
conv_engine_gradient.cl LINT_ENGINE_PACK VEC=16 ROWS=16 PAIRS=16 LINES=6 LINE=6
conv_engine_pairs.cl LINT_ENGINE_PACK VEC=1 COLS=4 EACH=16 STRIDE_H=2 STRIDE_W=2 LINES=6 LINE=6 TOP=1 LEFT=1
conv_engine_pairs.cl LINT_ENGINE_PACK VEC=16 COLS=16 EACH=16 STRIDE_H=1 STRIDE_W=1 LINES=11 LINE=11 TOP=1 LEFT=1
conv_engine_sums.cl  LINT_ENGINE VEC=4 KH=3 KW=3 STRIDE_H=2 STRIDE_W=2 TAP_H=1 TAP_W=1 LINE=6 CHANNELS=18 COL_BLOCKS=2 PART_BLOCKS=64
conv_engine_sums.cl  LINT_ENGINE VEC=4 KH=3 KW=3 STRIDE_H=1 STRIDE_W=1 TAP_H=1 TAP_W=1 LINE=11 CHANNELS=16 COL_BLOCKS=2 PART_BLOCKS=64 SPLIT=4
conv_engine.cl       LINT_ENGINE VEC=4 ROW_BLOCKS=8 COL_BLOCKS=2 STRIDE_H=2 STRIDE_W=2 TAP_H=1 POSITION_WORDS=1 STEP_WORDS=1 WIDTH=12 LINE=6 LINES=6 SHIFT_H=0 SHIFT_W=0 RESULT_H=5 RESULT_W=5 KH=3 KW=3 TAPS_H=3 TAPS_W=3 PHASES_H=1 PHASES_W=1 RUN=0 RUN_STEPS=3 BLOCKS=8
conv_engine.cl       LINT_ENGINE VEC=4 ROW_BLOCKS=8 COL_BLOCKS=2 STRIDE_H=1 STRIDE_W=1 TAP_H=1 POSITION_WORDS=1 STEP_WORDS=1 WIDTH=6 LINE=6 LINES=6 SHIFT_H=1 SHIFT_W=1 RESULT_H=10 RESULT_W=10 KH=3 KW=3 TAPS_H=2 TAPS_W=2 PHASES_H=2 PHASES_W=2 RUN=0 RUN_STEPS=2 BLOCKS=8
matmul_engine.cl     LINT_ENGINE VEC=4 ROW_BLOCKS=8 COL_BLOCKS=8
matmul_engine_pack.cl LINT_ENGINE_PACK X=f32 VEC=16 TILE=1 WIDTH=16 PAIRS=16 ALONG_K=1 PAIR_FIRST=1
matmul_engine_pack.cl LINT_ENGINE_PACK X=f32 VEC=16 TILE=1 WIDTH=16 PAIRS=16 ALONG_K=0 PAIR_FIRST=1
matmul_engine_pack.cl LINT_ENGINE_PACK X=f32 VEC=1 TILE=0 WIDTH=8 PAIRS=8 ALONG_K=1 PAIR_FIRST=0
matmul_engine_pack.cl LINT_ENGINE_PACK X=f32 VEC=16 TILE=1 WIDTH=16 PAIRS=16 ALONG_K=0 PAIR_FIRST=0 K_BLOCKS=1 PANELS=16
matmul_engine_pack.cl LINT_ENGINE_PACK X=bf16 VEC=16 TILE=1 WIDTH=16 PAIRS=16 ALONG_K=1 PAIR_FIRST=1
matmul_engine_pack.cl LINT_ENGINE_PACK X=bf16 VEC=1 TILE=0 WIDTH=8 PAIRS=8 ALONG_K=1 PAIR_FIRST=0
matmul_cpu.cl        VEC=16 ROWS=6 COLS=4 A_STEP=1 A_PACKED=0 B_PACKED=1
matmul_cpu.cl        VEC=16 ROWS=12 COLS=2 A_STEP=0 A_PACKED=0 B_PACKED=0
matmul_cpu.cl        VEC=8 ROWS=4 COLS=2 A_STEP=1 A_PACKED=1 B_PACKED=1 SPLIT=4
matmul_dot.cl        VEC=8 ROWS=4 COLS=4
matmul_gemv.cl       VEC=16 CHUNK=1024
matmul_gemv.cl       VEC=1 CHUNK=1024 SPLIT=4
matmul_general.cl    VEC=1
matmul_general.cl    VEC=1 SPLIT=4
matmul_gpu.cl        TILE=64 PATCH=4 DEPTH=16 A_ALONG_K=1 B_ALONG_K=0
matmul_gpu.cl        TILE=128 PATCH=8 DEPTH=8 A_ALONG_K=0 B_ALONG_K=1 SPLIT=4
matmul_pack.cl       VEC=16 WIDTH=32 DEPTH=64 PANELS=1 ALONG=0
matmul_pack.cl       VEC=4 WIDTH=8 DEPTH=16 PANELS=2 ALONG=1
matmul_pack.cl       VEC=1 WIDTH=8 DEPTH=16 PANELS=2 ALONG=2
gather.cl            TYPE=0 LAST=0 SHARED=1 LINEAR=0 ITEM_ELEMENTS=4096
gather.cl            VEC=1 TYPE=4 LAST=1 SHARED=0 LINEAR=1 ITEM_ELEMENTS=4096
scatter_add.cl       SORTED=1 FIRST=1 FINAL=1 LAST=0 SHARED=1 ITEM_ROWS=4 ITEM_COLS=16
scatter_add.cl       VEC=1 SORTED=0 FIRST=0 FINAL=0 LAST=1 SHARED=0 ITEM_ROWS=1 ITEM_COLS=1
cumsum.cl            TYPE=0 PHASE=0 PARTS=1 REVERSE=0 LAST=0
cumsum.cl            TYPE=0 PHASE=1 PARTS=1 REVERSE=1 LAST=0
cumsum.cl            VEC=1 TYPE=1 PHASE=1 PARTS=0 REVERSE=0 LAST=1
searchsorted.cl      VEC=1 TYPE=0 RIGHT=0 SHARED=1
searchsorted.cl      VEC=1 TYPE=1 RIGHT=1 SHARED=0
sort_rank.cl         TYPE=0 DESCENDING=1 FINAL=1 ITEM=16
sort_rank.cl         VEC=1 TYPE=1 DESCENDING=0 FINAL=0 ITEM=1
sort_merge.cl        VEC=1 FINAL=1 ITEM=8
sort_merge.cl        VEC=1 FINAL=0 ITEM=128
conv_cpu.cl          NV=2 DEPTH=16 DEPTH_BLOCK=16 DEPTH_BLOCKS=1 COLS=16 IN_PLACE=1 STORE_TILE=1
conv_cpu.cl          NV=1 DEPTH=16 DEPTH_BLOCK=8 DEPTH_BLOCKS=2 COLS=16 IN_PLACE=0 STORE_TILE=0 DILATE_H=2 DILATE_W=2
conv_cpu.cl          NV=2 DEPTH=16 DEPTH_BLOCK=16 DEPTH_BLOCKS=1 COLS=16 IN_PLACE=1 STORE_TILE=0 TAP_H=2 TAP_W=2
conv_depthwise.cl    PASS=0 CHANNELS=16 TILE=4 FREE_BEGIN=1 FREE_END=3
conv_depthwise.cl    PASS=1 CHANNELS=16 TILE=4 FREE_BEGIN=1 FREE_END=3 STRIDE_H=2 STRIDE_W=2 VEC=1
conv_depthwise_pack.cl     VEC=1 CHANNELS=16 TAPS=9
conv_depthwise_weights.cl  CHANNELS=16 STEP=4 FREE_BEGIN=1 FREE_END=15
conv_depthwise_weights.cl  CHANNELS=16 STEP=4 FREE_BEGIN=1 FREE_END=15 VEC=1 TAP_H=2 TAP_W=3
conv_gemm.cl         VEC=1 PASS=0 TILED=1 LONG_INDEX=0
conv_gemm.cl         VEC=1 PASS=1 TILED=1 LONG_INDEX=1 STRIDE_H=2 STRIDE_W=2
conv_gemm.cl         VEC=1 PASS=2 TILED=1 LONG_INDEX=0 SPLIT=4
conv_gemm.cl         VEC=1 PASS=2 TILED=0 LONG_INDEX=0 GROUPS=4
conv_pack.cl         DEPTH=16 DEPTH_BLOCK=16 DEPTH_BLOCKS=1 COLS=16 WIDTH=16 TRANSPOSED=0
conv_pack.cl         DEPTH=16 DEPTH_BLOCK=16 DEPTH_BLOCKS=1 COLS=16 WIDTH=16 TRANSPOSED=1
conv_sum.cl          VEC=1
conv_weights_cpu.cl  NV=2 FLAT=0 TILE=4 TILE_ROWS=1 DEPTH_TILES=36
conv_weights_cpu.cl  NV=2 FLAT=1 TILE=4 TILE_ROWS=3 DEPTH_TILES=12
conv_weights_cpu.cl  NV=1 FLAT=1 TILE=4 TILE_ROWS=3 DEPTH_TILES=12 GROUPS=4
conv_weights_sum.cl  NV=2 FLAT=0 TILE=4 TILE_ROWS=1 DEPTH_TILES=36
conv_weights_sum.cl  NV=2 FLAT=1 TILE=4 TILE_ROWS=3 DEPTH_TILES=12
resize.cl            CHANNELS=16 COLS_PER_ITEM=16 BACK=0 BILINEAR=1
resize.cl            CHANNELS=16 COLS_PER_ITEM=16 BACK=1 BILINEAR=1
resize.cl            CHANNELS=16 COLS_PER_ITEM=1 BACK=0 BILINEAR=0 VEC=1
resize.cl            CHANNELS=16 COLS_PER_ITEM=1 BACK=1 BILINEAR=0 VEC=1
attention_cpu.cl     LINT_LANES VEC=16 PASS=0 CAUSAL=1 MASK=1
attention_cpu.cl     LINT_LANES VEC=8 PASS=1 CAUSAL=2 BIAS=1 BIAS_GRADIENT=1 DEPTH=24
attention_gpu.cl     LINT_TILES VEC=1 PASS=0 CAUSAL=3 MASK=1
attention_gpu.cl     LINT_TILES VEC=1 PASS=1 GROUP=1 BIAS=1
attention_gpu.cl     LINT_TILES VEC=1 PASS=1 HEIGHT=1 GROUP=256 DEPTH=256 KEYS=0
attention_gpu.cl     LINT_TILES VEC=1 PASS=1 HEIGHT=1 GROUP=256 DEPTH=256 VALUES=0
attention_gpu.cl     LINT_TILES VEC=1 PASS=2 DEPTH=256 BIAS_GRADIENT=1
conv_winograd_tiles.cl VEC=16
conv_winograd_pack.cl LINT_WINOGRAD VEC=16 NV=2 DEPTH=64 TRANSPOSED=0
conv_winograd_pack.cl LINT_WINOGRAD VEC=8 NV=1 DEPTH=64 TRANSPOSED=1 TILE_H=2
conv_winograd.cl     LINT_WINOGRAD VEC=16 NV=2 DEPTH=64 PART=1
conv_winograd.cl     LINT_WINOGRAD VEC=8 NV=1 DEPTH=16 PART=1 TILE_H=2 TILE_W=2 ROWS=28
attention_lanes.cl   VEC=8
conv_winograd_weights.cl LINT_WINOGRAD VEC=16 NV=2 IN=64 OUT=64 IN_BLOCK=64 OUT_BLOCK=64
conv_winograd_weights.cl LINT_WINOGRAD VEC=8 NV=1 ROWS=4 IN=24 OUT=8 IN_BLOCK=24 OUT_BLOCK=8 TILE_H=2
conv_winograd_sum.cl LINT_WINOGRAD VEC=16 IN=128 OUT=64 IN_BLOCK=64 OUT_BLOCK=64
attention_tiles.cl   VEC=1 GROUP=128 HEIGHT=2
attention_sum.cl     VEC=8
pool_window.cl       CHANNELS=16 MEAN=0 COLS_PER_ITEM=4 DISJOINT=0
pool_window.cl       CHANNELS=16 MEAN=1 COLS_PER_ITEM=4 DISJOINT=0 ADAPTIVE=1
pool_window.cl       CHANNELS=16 MEAN=1 COLS_PER_ITEM=4 DISJOINT=0 VEC=1 PAD_H=0 PAD_W=0
pool_input.cl        CHANNELS=16 MEAN=0 COLS_PER_ITEM=4 DISJOINT=0
pool_input.cl        CHANNELS=16 MEAN=1 COLS_PER_ITEM=4 DISJOINT=0 VEC=1
pool_input.cl        CHANNELS=16 MEAN=0 COLS_PER_ITEM=4 DISJOINT=0 ADAPTIVE=1
pool_input.cl        CHANNELS=16 MEAN=0 STRIPS=1 LINES_PER_ITEM=8 DISJOINT=0
pool_input.cl        CHANNELS=16 MEAN=0 COLS_PER_ITEM=4 DISJOINT=1 STRIDE_H=2 STRIDE_W=2 PAD_H=0 PAD_W=0
'

failed=0
lint()
{
    local file=$1 define defines=()
    shift
    for define in "$@"; do defines+=("-D$define"); done
    "$clang" -x cl -cl-std=CL1.2 --target=spir64-unknown-unknown -Xclang -finclude-default-header -fsyntax-only \
        -Wall -Wextra -Werror -Wno-unused-function -Wno-unused-parameter -Wno-sign-compare -Wno-empty-translation-unit \
        "${defines[@]}" -include cl/prelude.cl -include cl/math.cl -include tests/vendor/lint.h "cl/$file" && return
    echo "failed: $file $*"
    failed=$((failed + 1))
}

count=0
while read -r file defines; do
    [[ -n $file ]] || continue
    # shellcheck disable=SC2086
    lint "$file" $defines
    count=$((count + 1))
done <<< "$variants"

for file in cl/*.cl; do
    name=$(basename "$file")
    [[ $name == prelude.cl || $name == math.cl || $variants == *"
$name"* ]] && continue
    echo "failed: $file has no line in $0"
    failed=$((failed + 1))
done

echo "$count variants compiled by $clang, $failed failed"
((failed == 0))
