#!/bin/bash
# The binary interface is the recorded one, tests/headers/clgrad.abi: types and functions of the public headers (libabigail
# compares them), names, versions and soname of what the shared library exports.
#   test_abi.sh --write    records it anew
# The types are those of a library of empty functions made from the headers: no debug information of ours is needed, and
# nothing internal is recorded.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
library=${CLGRAD_BUILD:-$root/build}/libclgrad.so
recorded=$root/tests/headers/clgrad.abi
[[ -e $library ]] || { echo "no shared library at $library"; exit 77; }
for tool in abidw abidiff gcc nm readelf; do
    command -v "$tool" > /dev/null || { echo "no $tool (scripts/setup --tests installs it): not compared"; exit 77; }
done
[[ $(uname -m) == x86_64 ]] || { echo "recorded on x86_64, this is $(uname -m): not compared"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1

exports() { nm -D --defined-only "$1" | awk '$2 == "T" { print $3 }' | sort; }

# Every prototype that the compiler sees, as an empty function.
cd "$root/include" || exit 1
{ echo '#include <clgrad/clgrad.h>'; echo '#include <clgrad/sys/backend.h>'; } > "$folder/all.c"
gcc -std=c2x -I. -fsyntax-only -aux-info "$folder/prototypes" "$folder/all.c" || exit 1
{ cat "$folder/all.c"; sed -nE 's|^/\* .* \*/ extern (.*\bclg_[a-z0-9_]+ \(.*\));$|\1 {}|p' "$folder/prototypes"; } > "$folder/empty.c"
soname=$(readelf -d "$library" | sed -n 's/.*SONAME.*\[\(.*\)\].*/\1/p')
gcc -std=c2x -w -g -fPIC -shared -I. -fdebug-prefix-map="$root=." -fdebug-prefix-map="$folder=." -Wl,-soname,"$soname" \
    -Wl,--version-script="$root/cmake/clgrad.map" -o "$folder/empty.so" "$folder/empty.c" || exit 1
cd "$folder" || exit 1
abidw --no-corpus-path --no-comp-dir-path --short-locs --no-elf-needed --no-write-default-sizes --no-parameter-names empty.so |
    sed -E "s|path='[^']*'|path='clgrad.h'|" > current.abi || exit 1

if [[ ${1:-} == --write ]]; then
    cp current.abi "$recorded"
    exit
fi

failed=0
diff <(exports empty.so) <(exports "$library") > exports.diff ||
    { echo "the headers (<) and the library (>) do not name the same functions:"; cat exports.diff; failed=1; }
abidiff --no-show-locs "$recorded" current.abi || {
    echo "the binary interface changed; CONTRIBUTING.md tells what that asks for, and then: $0 --write"
    failed=1
}
exit $failed
