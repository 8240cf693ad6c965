#!/bin/sh
# The same seed gives the same bytes of the saved model: with one and two threads, with cold and warm caches
# of programs, run after run; another seed gives others. On the host and on the first OpenCL CPU device, for the recipes
# in RECIPES (cnn, which has dropout, and gpt).
# Exit code 77: skipped.
set -eu
command=${CLGRAD_COMMAND:-}
[ -x "$command" ] || { echo "no command: CLGRAD_COMMAND is \"$command\""; exit 77; }
recipes=${RECIPES:-cnn gpt}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# train NAME DEVICE SEED [VARIABLE=value ...]: saves $folder/NAME of $recipe
train() {
    name=$1 device=$2 seed=$3
    shift 3
    env "$@" "$command" train "$recipe" --device "$device" --samples 400 --batch 16 --max-steps 6 --seed "$seed" \
        --save "$folder/$name" --checkpoint "$folder/$name.state" >"$folder/log" 2>&1 ||
        { cat "$folder/log"; echo "failed: $name"; exit 1; }
    [ -s "$folder/$name" ] || { echo "$name: nothing was saved"; exit 1; }
}

same() {
    cmp "$folder/$1" "$folder/$2" || { echo "$1 and $2 differ"; exit 1; }
}

on_host() {
    train host-one host 1 CLGRAD_THREADS=1
    train host-two host 1 CLGRAD_THREADS=2
    same host-one host-two
    train host-other host 2 CLGRAD_THREADS=2
    ! cmp -s "$folder/host-one" "$folder/host-other" || { echo "the seed does not matter"; exit 1; }
    echo "$recipe, host: same bytes with one and two threads"
}

on_opencl() {
    cold="CLGRAD_CACHE_DIR=$folder/$recipe.cache POCL_CACHE_DIR=$folder/$recipe.pocl"
    mkdir "$folder/$recipe.cache" "$folder/$recipe.pocl" "$folder/$recipe.pocl2"
    # shellcheck disable=SC2086 # two assignments
    train one-cold 0:0 1 $cold POCL_MAX_PTHREAD_COUNT=1
    # shellcheck disable=SC2086
    train two-warm 0:0 1 $cold POCL_MAX_PTHREAD_COUNT=2
    same one-cold two-warm
    # The library's own cache alone: the binaries that it wrote.
    train own-only 0:0 1 "CLGRAD_CACHE_DIR=$folder/$recipe.cache" "POCL_CACHE_DIR=$folder/$recipe.pocl2" \
        POCL_MAX_PTHREAD_COUNT=2
    same one-cold own-only
    train none 0:0 1 CLGRAD_CACHE=off "POCL_CACHE_DIR=$folder/$recipe.pocl"
    same one-cold none
    echo "$recipe, 0:0: same bytes with one and two threads, with cold and warm caches"
}

for recipe in $recipes; do on_host; done
OCL_ICD_VENDORS=/etc/OpenCL/vendors/pocl.icd
export OCL_ICD_VENDORS
"$command" devices 2>/dev/null | grep -q '^ *0:0' || { echo "no PoCL: its part is left out"; exit 0; }
for recipe in $recipes; do on_opencl; done
