#!/bin/sh
# Kernels that do not build, and no OpenCL at all, as a user of the command meets them: one line per op says that the
# host takes over, the last line counts the steps, and what is forbidden ends with its exit code. Exit code 77: skipped.
set -u
command=${CLGRAD_COMMAND:-}
[ -x "$command" ] || { echo "no command: CLGRAD_COMMAND is \"$command\""; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0

fail() {
    echo "FAILED: $1:"
    cat "$folder/out" "$folder/err"
    failures=$((failures + 1))
}

# check WHAT CODE ARGUMENT...: runs the command, output into $folder/out and err.
check() {
    what=$1 code=$2
    shift 2
    "$command" "$@" >"$folder/out" 2>"$folder/err"
    got=$?
    [ "$got" = "$code" ] || fail "$what: exit code $got, wanted $code"
}

small="--samples 40 --batch 20 --max-steps 1"
export CLGRAD_THREADS=1 # waiting for a second one on a busy machine takes longer than these runs

# --- Without OpenCL ---
export CLGRAD_OPENCL=off
check "device 0:0 without OpenCL" 3 train mlp --device 0:0
grep -q 'none is called "0:0".*OpenCL is switched off by CLGRAD_OPENCL' "$folder/err" || fail "the reason is missing"
check "auto without OpenCL" 0 train mlp $small
grep -q '^device: .*because no OpenCL device can be used: OpenCL is switched off' "$folder/out" || fail "auto says why"
grep -q '^done: .*fallbacks 0,' "$folder/out" || fail "the host as the device is no fallback"
check "list without OpenCL" 0 devices
grep -q 'note: OpenCL is switched off by CLGRAD_OPENCL' "$folder/out" || fail "the list says why"
unset CLGRAD_OPENCL

# --- Kernels that do not build ---
"$command" devices --no-probe | grep -q '^0:0 ' || { [ $failures = 0 ] && echo "no device 0:0" && exit 77; exit 1; }
check "nothing fails" 0 train mlp $small --device 0:0
grep -q '^done: .*fallbacks 0,' "$folder/out" || fail "fallbacks without a failure"

for op in conv2d matmul relu sum; do
    export CLGRAD_FAIL_BUILD=$op
    train="train mlp $small"
    [ $op != conv2d ] || train="train cnn $small"
    check "$op does not build" 0 $train --device 0:0
    grep -q "^warning: $op: no kernel can be used, the host takes over: .*CLGRAD_FAIL_BUILD=$op" "$folder/err" ||
        fail "$op: the host is not named"
    [ "$(grep -c '^warning: ' "$folder/err")" = 1 ] || fail "$op: not one line"
    grep -q '^done: .*fallbacks [1-9]' "$folder/out" || fail "$op: no fallbacks counted"
    CLGRAD_NO_FALLBACK=1
    export CLGRAD_NO_FALLBACK
    check "$op does not build, no fallback" 3 $train --device 0:0
    grep -q "^clgrad: $op: no kernel takes it, and falling back to the host is switched off: " "$folder/err" ||
        fail "$op: the error does not name it"
    unset CLGRAD_NO_FALLBACK
done
unset CLGRAD_FAIL_BUILD

# --- Numbers that are not finite ---
for device in host 0:0; do
    check "divergence on $device" 5 train mlp --device $device --samples 40 --batch 20 --epochs 2 --lr 9e29
    grep -q 'the loss is not finite: epoch 1, step ' "$folder/err" || fail "the loss is not named"
    export CLGRAD_CHECK_NAN=1
    check "divergence on $device, checked" 5 train mlp --device $device --samples 40 --batch 20 --epochs 2 --lr 9e29
    grep -q '^clgrad: [a-z_0-9]*: element [0-9]* of the result \[.*: the first that is not finite' "$folder/err" ||
        fail "the first op is not named"
    check "a good run on $device, checked" 0 train mlp --device $device --samples 40 --batch 20 --max-steps 1
    unset CLGRAD_CHECK_NAN
done
[ $failures = 0 ]
