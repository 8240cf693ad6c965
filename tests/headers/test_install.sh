#!/bin/bash
# What is installed is enough: the program in README.md is built against it through pkg-config, and through the CMake
# package, from a folder that knows nothing of the sources, and runs. Each recipe compiles alone as well.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${CLGRAD_BUILD:-$root/build}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1

cmake --install "$build" --prefix "$folder/prefix" > install.log || { cat install.log; exit 1; }
awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$root/README.md" > program.c
package=$(dirname "$(find prefix -name clgrad.pc)")
export LD_LIBRARY_PATH=$folder/${package%/pkgconfig}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
flags=()
[[ -z ${CLGRAD_SANITIZE:-} ]] || flags=("-fsanitize=$CLGRAD_SANITIZE")

failed=0
if command -v pkg-config > /dev/null && command -v cc > /dev/null; then
    # shellcheck disable=SC2046
    cc "${flags[@]}" -o by_pkg_config program.c $(PKG_CONFIG_PATH=$folder/$package pkg-config --cflags --libs clgrad) &&
        ./by_pkg_config || { echo "failed: pkg-config"; failed=1; }
    for recipe in "$root"/recipes/*.c; do
        # shellcheck disable=SC2046
        cc "${flags[@]}" -DRECIPE_PROGRAM -o recipe "$recipe" \
            $(PKG_CONFIG_PATH=$folder/$package pkg-config --cflags --libs clgrad) || failed=1
    done
fi

cat > CMakeLists.txt << 'END'
cmake_minimum_required(VERSION 3.21)
project(consumer LANGUAGES C)
find_package(clgrad REQUIRED)
add_executable(by_cmake program.c)
target_link_libraries(by_cmake PRIVATE clgrad::clgrad)
END
{ cmake -B consumer -DCMAKE_PREFIX_PATH="$folder/prefix" -DCMAKE_C_FLAGS="${flags[*]}" &&
    cmake --build consumer; } > consumer.log 2>&1 && consumer/by_cmake ||
    { cat consumer.log; echo "failed: CMake package"; failed=1; }
exit $failed
