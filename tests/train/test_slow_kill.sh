#!/bin/sh
# Kills a training run at random moments and resumes it: the saved model has the same bytes as that of a run
# that was never stopped. KILLS (20) and DEVICE (auto) may be set. Exit code 77: skipped.
set -eu
command=${CLGRAD_COMMAND:-}
[ -x "$command" ] || { echo "no command: CLGRAD_COMMAND is \"$command\""; exit 77; }
kills=${KILLS:-20}
device=${DEVICE:-auto}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Prints a number of seconds between 0.1 and 2.1 that depends on $1 alone.
moment() {
    awk -v n="$1" 'BEGIN { srand(n * 7919 + 1); rand(); printf "%.2f", 0.1 + 2 * rand() }'
}

train() {
    "$command" train mlp --device "$device" --samples 1000 --epochs 12 --seed 5 --checkpoint-steps 5 "$@"
}

train --save "$folder/whole" --checkpoint "$folder/whole.state" >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
done=0
runs=0
while [ "$done" -lt "$kills" ]; do
    train --save "$folder/killed" --checkpoint "$folder/state" --resume >"$folder/log" 2>&1 &
    process=$!
    sleep "$(moment "$runs")"
    runs=$((runs + 1))
    if kill -9 "$process" 2>/dev/null; then
        wait "$process" 2>/dev/null || done=$((done + 1))
    else # it was finished already: that run must be right, and the next one begins anew
        wait "$process" || { cat "$folder/log"; exit 1; }
        cmp "$folder/whole" "$folder/killed"
        rm -f "$folder/killed" "$folder/state" "$folder/state.previous"
    fi
    [ "$runs" -lt $((kills * 10)) ] || { echo "only $done of $runs runs could be killed"; exit 1; }
done
train --save "$folder/killed" --checkpoint "$folder/state" --resume >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
cmp "$folder/whole" "$folder/killed"
echo "$done kills in $runs runs: same bytes"
