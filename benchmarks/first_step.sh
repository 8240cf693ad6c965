#!/bin/sh
# Seconds until the first training step is done, in a new process: with both caches of compiled programs empty
# (the library's and the driver's), with the library's alone, and with both.
#     first_step.sh COMMAND [DEVICE] [RECIPE]
# The driver's cache is PoCL's (POCL_CACHE_DIR); for others the figures of the last two cases are the same.
set -eu
command=$1
device=${2:-auto}
recipe=${3:-cnn}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/own" "$folder/driver" "$folder/other"

# run NAME DRIVER_CACHE
run() {
    start=$(date +%s.%N)
    CLGRAD_CACHE_DIR="$folder/own" POCL_CACHE_DIR="$folder/$2" "$command" train "$recipe" --device "$device" \
        --samples 200 --batch 64 --max-steps 1 >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
    end=$(date +%s.%N)
    awk -v name="$1" -v a="$start" -v b="$end" 'BEGIN { printf "%-28s %6.2f s\n", name, b - a }'
}

run "both caches empty" driver
run "own cache only" other
run "both caches warm" driver
