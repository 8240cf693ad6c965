#!/bin/bash
# `clgrad tune` end to end: a variant that is wrong on purpose is refused before it is timed, a damaged file is
# told once, bad input is refused.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
clgrad=${CLGRAD_COMMAND:-$root/build/clgrad}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export CLGRAD_CACHE_DIR=$folder/cache TMPDIR=$folder
spec=Portable
"$clgrad" devices --no-probe 2> /dev/null | grep -q 'Portable Computing Language' || { echo "no PoCL: skipped"; exit 77; }
"$clgrad" tune --list --device "$spec" > /dev/null 2> "$folder/err" || { cat "$folder/err"; exit 77; }

failures=0
fail() { echo "$1"; failures=$((failures + 1)); }
# expect CODE PART ARGUMENT...: exit code of the command, and what its output has.
expect()
{
    local code=$1 part=$2 got
    shift 2
    "$clgrad" "$@" > "$folder/out" 2>&1
    got=$?
    [[ $got == "$code" ]] || fail "clgrad $*: exit code $got, not $code: $(tail -3 "$folder/out")"
    grep -qF -- "$part" "$folder/out" || fail "clgrad $*: no \"$part\" in: $(cat "$folder/out")"
}

expect 2 'did you mean matmul_cpu' tune --kernel matmul_cpi
expect 2 'one of them' tune --list --forget
expect 2 'no such family' tune --family tpu
expect 4 'cannot be read' tune --shapes "$folder/none" --device "$spec"
echo 'ops t - relu f32 [8,8]' > "$folder/none"
expect 2 'no case of the list runs' tune --shapes "$folder/none" --device "$spec"
expect 2 'has no kernels' tune --device host

# With at most 2 rows every sum is off by a thousandth.
cp -r "$root/cl" "$folder/cl"
{ printf '#if ROWS <= 2\n#undef FMA\n#define FMA(a, b, c) ((a) * (b) * 1.001f + (c))\n#endif\n'; cat "$root/cl/matmul_cpu.cl"; } \
    > "$folder/cl/matmul_cpu.cl"
echo 'ops t - matmul f32 [40,64] [64,48]' > "$folder/shapes"
CLGRAD_KERNEL_DIR=$folder/cl expect 0 ' ROWS=2 ' tune --family cpu --kernel matmul_cpu --device "$spec" --seconds 0.001 \
    --shapes "$folder/shapes"
grep ' ROWS=2 ' "$folder/out" | grep -q 'wrong result' || fail "the wrong variant was not refused: $(cat "$folder/out")"
CLGRAD_KERNEL_DIR=$folder/cl "$clgrad" tune --rows --device "$spec" | grep -q 'ROWS=2 ' && fail "the wrong variant is stored"

# What is stored, damaged.
for file in "$folder"/cache/tuned-*.json; do
    [[ -e $file ]] || continue
    echo '{' > "$file"
    expect 0 'is damaged' tune --list --device "$spec"
    "$clgrad" tune --list --device "$spec" 2>&1 | grep -q 'is damaged' && fail "the damage was told twice"
done
expect 0 'rows forgotten' tune --forget --device "$spec"
exit $((failures > 0))
