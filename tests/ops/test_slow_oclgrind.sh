#!/bin/bash
# Small cases of every kernel, both families, under the simulator Oclgrind: no data race, no use of a value that
# was never set, nothing outside a buffer, local or private memory; its log must stay empty. (Values share large
# buffers: an access outside a value, but inside its buffer, is for the cases themselves to notice.)
# First a kernel is broken on purpose in three ways, which it must report. Exit code 77: skipped.
set -u
here=$(cd "$(dirname "$0")" && pwd)
command -v oclgrind > /dev/null || { echo "skipped: oclgrind is not installed"; exit 77; }
[[ -z ${CLGRAD_SANITIZE:-} ]] || { echo "skipped: a sanitizer must be loaded first, oclgrind too"; exit 77; }
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
"${CC:-cc}" -shared -fPIC -D_GNU_SOURCE -o "$scratch/writes.so" "$here/oclgrind_writes.c" -ldl || {
    echo "skipped: no C compiler, or no CL/cl.h"
    exit 77
}
bad=0
export CLGRAD_CACHE=off CLGRAD_CACHE_DIR="$scratch"
export CLGRAD_LAUNCH_LIMIT=1000000000 # a simulator is slow, and each launch costs it more than its work-groups do

# simulate FAMILY CASE: what Oclgrind has to say lies in $scratch/log then. Its compiler cannot go on at some
# instructions of optimised programs, so optimisation is off.
simulate()
{
    : > "$scratch/log"
    oclgrind --data-races --uninitialized --build-options -cl-opt-disable --log "$scratch/log" \
        sh -c 'LD_PRELOAD=$0:$LD_PRELOAD exec "$@"' "$scratch/writes.so" \
        "$CLGRAD_COMMAND" check --device oclgrind --family "$1" --filter "$2 fill=random" 2>&1
}

# check FAMILY CASE
check()
{
    local started=$SECONDS
    if ! simulate "$1" "$2" > "$scratch/output" || [[ -s $scratch/log ]]; then
        echo "FAILED: family $1, $2"
        head -20 "$scratch/output" "$scratch/log"
        bad=1
    fi
    sed -n 's/^ok .*  \([a-z0-9_+]*\)$/\1/p' "$scratch/output" | tr + '\n' >> "$scratch/ran"
    local count
    count=$(sed -n 's/^[a-z]*: \([0-9]*\) cases: .*/\1/p' "$scratch/output")
    cases=$((cases + ${count:-0}))
    echo "$((SECONDS - started)) s: family $1, $2"
}

# broken REPORT SCRIPT-OF-SED: matmul_gpu.cl so changed must make Oclgrind write REPORT.
broken()
{
    rm -rf "$scratch/cl"
    cp -r "$here/../../cl" "$scratch/cl"
    sed -i "$2" "$scratch/cl/matmul_gpu.cl"
    if cmp -s "$here/../../cl/matmul_gpu.cl" "$scratch/cl/matmul_gpu.cl"; then
        echo "FAILED: nothing to change in matmul_gpu.cl: $2"
        bad=1
    fi
    CLGRAD_KERNEL_DIR="$scratch/cl" simulate gpu "matmul f32 [3,4,5] [3,5,6]" > "$scratch/output"
    if ! grep -q "$1" "$scratch/log"; then
        echo "FAILED: not noticed: $1"
        bad=1
    fi
}

cases=0
broken "data race" '0,/barrier(CLK_LOCAL_MEM_FENCE);/s///'
broken "Invalid" 's/left\[DEPTH \* PITCH\]/left[DEPTH * PITCH - 8]/'
broken "Uninitialized" 's/float value = 0.0f;/float value;/'

# The families, then the end of a case without its fill: all ops that have such a case.
while read -r families line; do
    for family in ${families//,/ }; do check "$family" "$line"; done
done << 'CASES'
cpu f32 [3,5]
gpu relu f32 [3,5]
cpu,gpu cast f32 [65] to=u8 low=0
cpu,gpu where f32 [3,5] [5] [3,1]
cpu,gpu f32 dims=5
cpu,gpu dropout f32 [3,5] p=0.5
cpu,gpu permute f32 [3,5,7] order=2,0,1
cpu pad f32 [3,5] before=0,0 after=1,0
cpu,gpu pack f32 [3] [5] [2] offsets=0,16,32 total=64
gpu assign f32 [3,5] [3,5]
cpu sum f32 [3,5,7] axes=1
cpu,gpu max f32 [3,5,7] axes=1
cpu,gpu moments f32 [3,5,7] axes=0,2 keep=1
cpu,gpu f32 [3,5,7] axis=1
cpu,gpu softmax f32 [257]
cpu,gpu cross_entropy f32 [5,33] [5] limit=33
cpu,gpu batch_norm f32 [2,5,4,3] [3] [3] [3] [3]
cpu,gpu matmul f32 [3,4,5] [3,5,6]
cpu,gpu matmul f32 [17,31] [31,33]
gpu matmul f32 [13,1025] [1025,7]
cpu,gpu conv2d f32 [1,5,6,3] [4,3,2,3] stride=2,1 pad=0,1
cpu conv2d f32 [2,9,8,3] [5,3,3,3] pad=1,1
cpu conv2d f32 [2,7,7,4] [6,3,3,2] groups=2 pad=1,1
cpu conv2d f32 [3,4,5,16] [33,1,1,16]
cpu,gpu conv2d f32 [2,9,8,3] [3,3,3,1] groups=3 pad=1,1
cpu,gpu adaptive_max_pool2d f32 [1,2,3,4] size=5,7
cpu,gpu resize_bilinear2d f32 [2,3,4,3] size=6,8
cpu,gpu f32 [2,8,6,3]
cpu,gpu attention f32 [1,1,7,5] [1,1,7,5] [1,1,7,5] [1] [1]
cpu,gpu gather f32 [9,5] [17,5] axis=0 limit=9
cpu,gpu scatter_add f32 [1,1] [1,1] [1,1] axis=1 limit=1
cpu,gpu scatter_add f32 [257] [65] [65] axis=0 limit=257
cpu,gpu concat f32 [3,5] [2,5] [7,5] axis=0
cpu,gpu cumsum f32 [257] axis=0
cpu,gpu searchsorted f32 [3,0] [3,4]
cpu,gpu argsort f32 [257]
cpu,gpu f32 [2,9,7,3] window=3,3 stride=2,2 pad=1,1
CASES

# Products and convolutions of bfloat16, by the one engine that a simulator can run.
export CLGRAD_PRECISION=bf16 CLGRAD_ENGINE=fma
check cpu "matmul f32 [65,63] [63,64]"
check gpu "matmul f32 [65,63] [63,64]"
check cpu "conv2d f32 [3,7,7,16] [16,3,3,16] pad=1,1"
check gpu "conv2d f32 [3,7,7,16] [16,3,3,16] pad=1,1"
unset CLGRAD_PRECISION CLGRAD_ENGINE

# What the others refuse: the general kernels, which take anything.
kernels=$("$CLGRAD_COMMAND" ops | sed -n 's/.*; kernels: //p' | tr ' ' '\n' | grep -v clblast)
CLGRAD_SKIP=$(echo "$kernels" | grep -v _general | paste -sd,)
export CLGRAD_SKIP
check cpu "matmul f32 [3,4,5] [3,5,6]"
check cpu "conv2d f32 [1,5,6,3] [4,3,2,3] stride=2,1 pad=0,1"
check cpu "f32 [2,8,6,3]"

for name in $kernels map row column; do
    grep -qx "$name" "$scratch/ran" || { echo "FAILED: never ran: $name"; bad=1; }
done
echo "$cases cases, $(sort -u "$scratch/ran" | wc -l) kinds of kernel, $SECONDS s"
exit $bad
