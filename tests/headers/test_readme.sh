#!/bin/bash
# The C program in README.md: extracted, compiled as strict C11 and as C++17 against the public headers and the
# shared library of this build, and run. It must reach an accuracy that shows that it learned.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${CLGRAD_BUILD:-$root/build}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$root/README.md" > "$folder/program.c"
lines=$(wc -l < "$folder/program.c")
((lines >= 20)) || { echo "README.md holds no C program ($lines lines)"; exit 1; }

sanitize=()
if [[ -n ${CLGRAD_SANITIZE:-} ]]; then sanitize=("-fsanitize=$CLGRAD_SANITIZE"); fi

# compile_and_run COMPILER FLAGS...: output of the program in $folder/output
compile_and_run()
{
    "$@" -Wall -Wextra -Wpedantic -Werror "${sanitize[@]}" -I "$root/include" -o "$folder/program" \
        "$folder/program.c" -L "$build" -lclgrad -Wl,-rpath,"$build" || return 1
    "$folder/program" > "$folder/output" 2>&1
    local code=$?
    cat "$folder/output"
    ((code == 0)) || { echo "exit code $code"; return 1; }
    awk '/^accuracy/ { found = 1; exit !($NF >= 0.6 && $NF <= 1) } END { if (!found) exit 1 }' "$folder/output" ||
        { echo "it did not learn"; return 1; }
}

failed=0
ran=0
for compiler in "${CC:-}" cc gcc clang; do
    command -v "$compiler" > /dev/null || continue
    compile_and_run "$compiler" -std=c11 || failed=1
    ran=1
    break
done
((ran)) || { echo "skipped: no C compiler in the path"; exit 77; }
for compiler in "${CXX:-}" c++ g++ clang++; do
    command -v "$compiler" > /dev/null || continue
    compile_and_run "$compiler" -std=c++17 -x c++ || failed=1
    break
done
exit $failed
