#!/bin/bash
# The rules that a compiler does not check, read from the sources: which folder may include which, who calls the
# system, how large a file may be. Prints each breach; exit code 1 if there is one.
set -u
cd "$(dirname "$0")/../.." || exit 1
breaches=0

breach()
{
    echo "$1"
    breaches=$((breaches + 1))
}

# Folder, and the folders or single headers that it may name. Public headers <clgrad/...> are open to all.
# ops/op.h is the record that a node points to: the graph calls rules through it and names no op.
layers="
src/base     base
src/device   base device
src/graph    base device graph ops/op.h
src/ops      base device graph ops
src/plan     base device graph ops plan
src/nn       base nn
src/optim    base optim
src/data     base data
src/io       base io
src/train    base train
benchmarks   benchmarks check base device graph support/idle_device.h
cli          cli check recipes benchmarks
recipes      recipes
examples     examples
"

# includes FOLDER: "file:line:header" of each quoted include.
includes()
{
    grep -rnE --include='*.[ch]' '^ *# *include *"' "$1" | sed -E 's/^([^:]+:[0-9]+):.*"(.*)".*/\1:\2/'
}

check_layer()
{
    local folder=$1 place header layer
    shift
    while IFS= read -r line; do
        header=${line##*:}
        place=${line%:*}
        layer=${header%%/*}
        # A header without a folder lies beside the file that names it.
        if [[ $header != */* ]]; then
            [[ -e $(dirname "${place%%:*}")/$header || -e check/$header || -e recipes/$header ]] && continue
            [[ $folder == cli && -e benchmarks/$header ]] && continue
        fi
        [[ " $* " == *" $layer "* || " $* " == *" $header "* ]] || breach "$place: $folder may not include $header"
    done < <(includes "$folder")
}

while read -r folder allowed; do
    [[ -n $folder && -d $folder ]] || continue
    # shellcheck disable=SC2086
    check_layer "$folder" $allowed
done <<< "$layers"

# only PATTERN WHERE-NOT WHAT: matches of the pattern in src outside the files that may.
only()
{
    local pattern=$1 may=$2 what=$3
    while IFS= read -r line; do
        breach "$line: $what"
    done < <(grep -rnE --include='*.[ch]' "$pattern" src | grep -vE "^($may)" | grep -vE ':[0-9]+: *(/?\*|//)')
}

only '^ *# *include *<CL/' 'src/device/opencl/' 'only src/device/opencl includes OpenCL headers'
only '(^|[^a-z_])(secure_)?getenv *\(' 'src/base/env\.c' 'only base/env.c reads the environment'
only '(^|[^a-z_.>])(printf|fprintf|puts|putchar|perror|exit|abort|system|assert) *\(' 'src/base/x^' \
     'the library never prints, exits or aborts'
only '(^|[^a-z_.>])(malloc|calloc|realloc|strdup|strndup|asprintf) *\(' 'src/base/memory\.c|src/device/opencl/program\.c' \
     'memory comes from base/memory.h (binaries are freed with free(): sys/backend.h)'

# size LIMIT FILE...
size()
{
    local limit=$1 file lines
    shift
    for file in "$@"; do
        [[ -e $file ]] || continue
        lines=$(wc -l < "$file")
        ((lines <= limit)) || breach "$file: $lines lines, limit $limit"
    done
}
shopt -s globstar nullglob extglob
size 800 src/**/*.c cli/*.c check/*.c benchmarks/*.c recipes/*.c tests/**/*.c
size 300 include/clgrad/**/*.h src/**/*.h cl/!(attention_*).cl
size 360 cl/attention_*.cl # forward and both gradients share their tiles and masks
size 150 CMakeLists.txt

if ((breaches)); then
    echo "$breaches breaches"
    exit 1
fi
echo "layers, calls and sizes are in order"
