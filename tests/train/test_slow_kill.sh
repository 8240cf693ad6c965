#!/bin/sh
# Kills a training run at random moments and resumes it: the saved model has the same bytes as that of a run
# that was never stopped. KILLS (20, each recipe), DEVICE (auto) and RECIPES (mlp gpt) may be set. Exit code 77: skipped.
set -eu
command=${CLGRAD_COMMAND:-}
[ -x "$command" ] || { echo "no command: CLGRAD_COMMAND is \"$command\""; exit 77; }
kills=${KILLS:-20}
device=${DEVICE:-auto}
recipes=${RECIPES:-mlp gpt}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Prints a number of seconds between 0.1 and 2.1 that depends on $1 alone.
moment() {
    awk -v n="$1" 'BEGIN { srand(n * 7919 + 1); rand(); printf "%.2f", 0.1 + 2 * rand() }'
}

# Some seconds of work; of gpt, an average and accumulated gradients are part of the state. In a subshell of its own, which
# the command replaces: a kill is to meet the command itself.
train() {
    case $recipe in
    gpt) set -- --samples 400 --batch 8 --steps 60 --average 0.9 --accumulate 3 "$@" ;;
    *) set -- --samples 1000 --epochs 12 "$@" ;;
    esac
    exec "$command" train "$recipe" --device "$device" --seed 5 --checkpoint-steps 5 "$@" >"$folder/log" 2>&1
}

# train_whole NAME STATE: a run that must come to its end
train_whole() {
    (train --save "$folder/$1" --checkpoint "$folder/$2" --resume) || { cat "$folder/log"; exit 1; }
}

for recipe in $recipes; do
    rm -f "$folder"/*
    train_whole whole whole.state
    done=0
    runs=0
    while [ "$done" -lt "$kills" ]; do
        train --save "$folder/killed" --checkpoint "$folder/state" --resume &
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
    train_whole killed state
    cmp "$folder/whole" "$folder/killed"
    echo "$recipe: $done kills in $runs runs: same bytes"
done
