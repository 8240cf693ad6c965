#!/bin/sh
# Small cases of every kernel family under Oclgrind: no out-of-bounds access, no data race. (Its --uninitialized
# is not used: it reports the accumulator of max, which is set.) Its compiler stops at an instruction of optimised programs, so optimisation is off.
command -v oclgrind >/dev/null || { echo "oclgrind is not installed: skipped"; exit 77; }
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
bad=0

# check FAMILY PART-OF-A-CASE
check() {
    if ! output=$(CLGRAD_CACHE=off CLGRAD_CACHE_DIR= oclgrind --data-races \
            --build-options -cl-opt-disable --log "$log" \
            "$CLGRAD_COMMAND" check --device oclgrind --family "$1" --filter "$2" --failed 2>&1); then
        echo "$1 $2: $output"
        bad=1
    fi
    if [ -s "$log" ]; then
        echo "$1 $2: $(head -20 "$log")"
        bad=1
    fi
    : >"$log"
}

for family in cpu gpu; do
    check $family "relu f32 [3,5] fill=random"
    check $family "sum f32 [3,5,7] axes=1 fill=random"
    check $family "softmax f32 [3,5,7] axis=1 fill=random"
    check $family "argmax f32 [3,5,7] axis=1 fill=random"
    check $family "matmul f32 [3,4,5] [3,5,6] fill=random"
    check $family "conv2d f32 [1,5,6,3] [4,3,2,3] stride=2,1 pad=0,1 fill=random"
    check $family "conv2d f32 [2,9,8,3] [5,3,3,3] pad=1,1 fill=random"
    check $family "max_pool2d f32 [2,9,7,3] window=3,3 stride=2,2 pad=1,1 fill=random"
    check $family "avg_pool2d f32 [2,8,6,3] fill=random"
    check $family "batch_norm f32 [2,5,4,3] [3] [3] [3] [3] fill=random"
    check $family "cross_entropy f32 [5,33] [5] limit=33 fill=random"
    check $family "dropout f32 [3,5] p=0.5 fill=random"
    check $family "permute f32 [3,5,7] order=2,0,1 fill=random"
    check $family "pad f32 [3,5] before=0,0 after=1,0 fill=random"
done
exit $bad
