#!/bin/bash
# Compiles whole programs, as the planner generates them for one training step of each recipe with the GPU kernels,
# to machine code of GPUs that need not be there: AMD's and NVIDIA's, by clang and libclc. It shows that the code
# is legal for those back ends and that no built-in function is left open; it does not show that it runs.
# Exit code 77 (skipped) without clang, libclc of its version, or any OpenCL device (to generate for).
set -u
clgrad=${CLGRAD_COMMAND:-$(dirname "$0")/../../build/clgrad}

clang=
for name in clang-19 clang-18 clang-17 clang-16 clang-15; do
    command -v "$name" > /dev/null && clang=$name && break
done
library=/usr/lib/clc
skip()
{
    echo "skipped: $1"
    exit 77
}
[[ -n $clang ]] || skip "no clang, version 15 or newer"
[[ -e $library/amdgcn--amdhsa.bc && -e $library/nvptx64--nvidiacl.bc ]] || skip "no libclc in $library"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export CLGRAD_FAMILY=gpu CLGRAD_CACHE=off CLGRAD_DUMP_DIR=$folder/programs
mkdir "$CLGRAD_DUMP_DIR"
for recipe in mlp cnn; do
    "$clgrad" train "$recipe" --max-steps 1 --samples 64 --batch 64 > "$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
done
ls "$CLGRAD_DUMP_DIR"/*.cl > /dev/null 2>&1 || skip "no OpenCL device to generate programs for"

# target, processor, libclc file, what an open function call looks like
targets='
amdgcn--amdhsa       gfx90a   amdgcn--amdhsa.bc     @rel32@
amdgcn--amdhsa       gfx1030  amdgcn--amdhsa.bc     @rel32@
nvptx64--nvidiacl    sm_70    nvptx64--nvidiacl.bc  [.]extern[[:space:]]+[.]func
'
compiled=0
failed=0
while read -r target processor builtins open; do
    [[ -n $target ]] || continue
    for program in "$CLGRAD_DUMP_DIR"/*.cl; do
        if ! "$clang" -x cl -cl-std=CL1.2 --target="$target" -Xclang -target-cpu -Xclang "$processor" -nogpulib \
            -Xclang -finclude-default-header -Xclang -mlink-builtin-bitcode -Xclang "$library/$builtins" \
            -w -O2 -S -o "$folder/program.s" "$program"; then
            failed=$((failed + 1))
        elif grep -nE "$open" "$folder/program.s"; then
            echo "failed: a function of $(basename "$program") is not defined for $target"
            failed=$((failed + 1))
        fi
        compiled=$((compiled + 1))
    done
done <<< "$targets"
echo "$compiled programs compiled by $clang, $failed failed"
((failed == 0 && compiled > 0))
