#!/bin/bash
# The C programs of docs/embedding.md: extracted, compiled as strict C11 against the public headers and the shared library of
# this build, and run; the one with OpenCL of its own where there is a device.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${CLGRAD_BUILD:-$root/build}
[[ -e $build/libclgrad.so ]] || { echo "no shared library in $build"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
flags=(-std=c11 -Wall -Wextra -Wpedantic -Werror)
[[ -z ${CLGRAD_SANITIZE:-} ]] || flags+=("-fsanitize=$CLGRAD_SANITIZE")

awk '/^```c$/ { inside = 1; ++n; next } /^```$/ { inside = 0 } inside { print > "program" n ".c" }' "$root/docs/embedding.md"
[[ -e program2.c && ! -e program3.c ]] || { echo "docs/embedding.md does not hold two C programs"; exit 1; }

# run NUMBER LIBRARIES...: 77 counts as skipped.
run()
{
    local number=$1 code
    shift
    cc "${flags[@]}" -I "$root/include" -o program "program$number.c" -L "$build" -lclgrad "$@" -Wl,-rpath,"$build" || return 1
    ./program > output 2>&1
    code=$?
    cat output
    ((code == 0 || code == 77)) || { echo "program $number: exit code $code"; return 1; }
}

failed=0
run 1 || failed=1
grep -qx 'blocks left: 0' output || { echo "the allocator did not get everything back"; failed=1; }
grep -q '^prepared 1 of 1$' output || { echo "nothing was prepared"; failed=1; }
if echo '#include <CL/cl.h>' | cc -fsyntax-only -xc - 2> /dev/null && echo 'int main(void) { return 0; }' | cc -xc -o probe - -lOpenCL 2> /dev/null; then
    run 2 -lOpenCL || failed=1
else
    echo "no CL/cl.h or no libOpenCL to link with: the second program was not compiled"
fi
exit $failed
