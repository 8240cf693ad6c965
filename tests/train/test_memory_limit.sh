#!/bin/sh
# Recipes trained in about half of the memory that their steps would take give the same bytes: of the saved model, and of the
# loss in the log. And what cannot be had is refused with the smallest that can.
# Exit code 77: skipped.
set -eu
command=${CLGRAD_COMMAND:-}
[ -x "$command" ] || { echo "no command: CLGRAD_COMMAND is \"$command\""; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# arena OPTIONS: bytes that one step of $recipe takes
arena() {
    "$command" plan "$recipe" --device "$device" --batch "$batch" "$@" | tail -n 1 | sed -n 's/.* arena \([0-9]*\) bytes.*/\1/p'
}

# train NAME OPTIONS: saves $folder/NAME; the loss goes to $folder/NAME.loss
train() {
    name=$1
    shift
    "$command" train "$recipe" --device "$device" --samples 100 --batch "$batch" --max-steps 3 --check-nan \
        --save "$folder/$name" --checkpoint "$folder/$name.state" --log "$folder/$name.log" "$@" >"$folder/out" 2>&1 ||
        { cat "$folder/out"; echo "failed: $name"; exit 1; }
    sed -n 's/.*"event":"done".*\("loss":[^,]*\),.*/\1/p' "$folder/$name.log" >"$folder/$name.loss"
    [ -s "$folder/$name.loss" ] || { echo "$name: no loss in the log"; exit 1; }
}

# compare RECIPE DEVICE BATCH PERCENT
compare() {
    recipe=$1 device=$2 batch=$3
    all=$(arena)
    limit=$((all * $4 / 100))
    less=$(arena --memory-limit $limit)
    [ "$less" -le "$limit" ] || { echo "$recipe: $less bytes, limit $limit"; exit 1; }
    rm -f "$folder"/*
    train free
    train limited --memory-limit $limit
    cmp "$folder/free" "$folder/limited" || { echo "$recipe on $device: models differ"; exit 1; }
    cmp "$folder/free.loss" "$folder/limited.loss" || { echo "$recipe on $device: losses differ"; exit 1; }
    echo "$recipe on $device: same bytes in $less instead of $all"
}

compare resnet20 host 4 60
OCL_ICD_VENDORS=/etc/OpenCL/vendors/pocl.icd
export OCL_ICD_VENDORS
"$command" devices 2>/dev/null | grep -q '^ *0:0' || { echo "no PoCL: its part is left out"; exit 0; }
compare cnn 0:0 16 95 # one step of it, the pool's gradient, needs most of all
compare resnet20 0:0 16 50
compare gpt 0:0 4 50

message=$("$command" train gpt --device 0:0 --batch 4 --samples 100 --memory-limit 1000 2>&1) && code=0 || code=$?
[ $code = 6 ] || { echo "exit code $code: $message"; exit 1; }
echo "$message" | grep -q "memory limit of 1000 bytes cannot be kept.* need [0-9]*; raise the limit" ||
    { echo "message: $message"; exit 1; }
