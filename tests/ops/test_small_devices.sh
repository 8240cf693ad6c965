#!/bin/bash
# The case table on devices smaller than any here, played by the drivers' own switches: work-groups of 1 and of 64, little
# memory, PoCL's other ways to make a work-group, a simulator with 16 KiB of local memory. That a switch works is seen in
# what the device then says. A few cases of each; test_slow_small_devices.sh takes them all. Exit code 77: skipped.
set -u
command=${CLGRAD_COMMAND:?set by CTest}
cases=${SMALL_DEVICES_CASES:-"--every 1000"}   # of each op
filter=${SMALL_DEVICES_FILTER-"f32 [65,"}
method_filter=${SMALL_DEVICES_METHOD_FILTER:-"m f32 [65,"} # sum, cumsum, einsum ...: these compile for long
families=${SMALL_DEVICES_FAMILIES:-gpu}        # whose kernels work-groups matter to
[[ -z ${CLGRAD_SANITIZE:-} ]] || { echo "skipped: simulators and sanitizers take too long together"; exit 77; }
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
export CLGRAD_CACHE=off
unset CLGRAD_DEVICE CLGRAD_FAMILY
pocl=/etc/OpenCL/vendors/pocl.icd
ran=0 bad=0

# says DEVICE KEY COMPARISON: of the device's answers, as `clgrad devices --json` tells them
says()
{
    local value
    value=$("${run[@]}" "$command" devices --json --no-probe 2> /dev/null |
            awk -F '[:,]' -v key="\"$2\"" '$1 ~ key { print $2 + 0; exit }')
    (($value $3)) || { echo "FAILED: $1: $2 is $value, not $3: the switch does nothing"; bad=1; }
}

# check NAME DEVICE: the cases on the device that ${run[@]} plays
check()
{
    local started=$SECONDS family
    for family in $families; do
        # shellcheck disable=SC2086
        "${run[@]}" "$command" check --device "$2" --family "$family" --failed $cases ${filter:+--filter "$filter"} \
            > "$scratch/out" 2> "$scratch/err"
        code=$?
        echo "$1, $(tail -1 "$scratch/out") ($((SECONDS - started)) s)"
        ran=$((ran + 1))
        if ((code != 0)) || ! grep -q ' 0 failed, 0 unsupported' "$scratch/out"; then
            echo "FAILED: $1, $family"
            head -20 "$scratch/out" "$scratch/err"
            bad=1
        fi
    done
}

if [[ -e $pocl ]]; then
    export OCL_ICD_VENDORS=$pocl
    for size in 1 64; do
        run=(env POCL_MAX_WORK_GROUP_SIZE=$size)
        says "work-groups of $size" max_work_group "== $size"
        check "work-groups of $size" pocl
    done
    run=(env POCL_MEMORY_LIMIT=1)
    says "1 GB of memory" memory_bytes "<= 1 << 30"
    check "1 GB of memory" pocl
    # cbs came with PoCL 4; repl, which writes every work-item out, wants small groups.
    for method in cbs repl; do
        # Its kernel cache does not ask how a kernel came to be: an empty one.
        mkdir "$scratch/$method"
        run=(env POCL_WORK_GROUP_METHOD=$method POCL_MAX_WORK_GROUP_SIZE=8 POCL_CACHE_DIR="$scratch/$method")
        if "${run[@]}" "$command" devices 2>&1 | grep -q 'Unknown work group'; then
            echo "work-groups by $method: this PoCL does not know it"
        else
            filter=$method_filter check "work-groups by $method" pocl
        fi
    done
    unset OCL_ICD_VENDORS
fi
if command -v oclgrind > /dev/null; then
    # Its compiler cannot go on at some instructions of optimised programs.
    run=(oclgrind --max-wgsize 1 --local-mem-size 16384 --build-options -cl-opt-disable)
    says "simulator" max_work_group "== 1"
    says "simulator" local_memory_bytes "== 16384"
    filter="f32 [3,5]" # it takes its time
    check "simulator, work-groups of 1, 16 KiB of local memory" oclgrind
fi
((ran)) || { echo "skipped: neither PoCL nor oclgrind"; exit 77; }
exit $bad
