#!/bin/bash
# What is installed is enough: the program in README.md is built against it in C and C++, with the shared and the static
# library, through pkg-config and through the CMake package, from a folder that knows nothing of the sources and has
# spaces in its name, and runs; the same after the installation was moved. Each recipe is a program by itself.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${CLGRAD_BUILD:-$root/build}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
export CLGRAD_DEVICE=host
flags=()
[[ -z ${CLGRAD_SANITIZE:-} ]] || flags=("-fsanitize=$CLGRAD_SANITIZE")
failed=0
fail() { echo "failed: $*"; failed=1; }

cmake --install "$build" --prefix "$folder/a prefix" > install.log || { cat install.log; exit 1; }
awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$root/README.md" > program.c
cp program.c program.cpp

# use PREFIX: where it is now.
use()
{
    package=$(dirname "$(find "$folder/$1" -name clgrad.pc)")
    library=${package%/pkgconfig}
    export PKG_CONFIG_PATH=$package LD_LIBRARY_PATH=$library
}

# build_with COMPILER SOURCE WORDS...: pkg-config's output is quoted for the shell. Runs what was built.
build_with()
{
    local compiler=$1 source=$2 words
    shift 2
    words=$(pkg-config --cflags --libs "$@" clgrad) || return 1
    # A static program needs the name of the archive: -lclgrad would take the shared one beside it.
    [[ " $* " != *" --static "* ]] || words="-Wl,--as-needed \"$library/libclgrad.a\" $words"
    rm -f program
    eval "$compiler ${flags[*]} -o program $source $words" && ./program > program.log || { cat program.log; return 1; }
    [[ " $* " != *" --static "* ]] || ! ldd program | grep -q libclgrad || { echo "not static"; return 1; }
}

check_pkg_config()
{
    build_with cc program.c || fail "$1: C"
    build_with cc program.c --static || fail "$1: C, static"
    command -v c++ > /dev/null || { echo "no C++ compiler: not tried"; return; }
    build_with c++ program.cpp || fail "$1: C++"
    build_with c++ program.cpp --static || fail "$1: C++, static"
}

# check_cmake LANGUAGE SOURCE TARGET
check_cmake()
{
    rm -rf consumer && mkdir consumer
    cp "$2" consumer
    cat > consumer/CMakeLists.txt << WORDS
cmake_minimum_required(VERSION 3.21)
project(consumer LANGUAGES $1)
find_package(clgrad REQUIRED)
add_executable(program $2)
target_link_libraries(program PRIVATE $3)
WORDS
    { cmake -S consumer -B consumer/b -DCMAKE_PREFIX_PATH="$prefix" "-DCMAKE_C_FLAGS=${flags[*]}" \
        "-DCMAKE_CXX_FLAGS=${flags[*]}" && cmake --build consumer/b && consumer/b/program; } > consumer.log 2>&1 ||
        { cat consumer.log; fail "CMake package: $1, $3"; }
}

check_recipes()
{
    local recipe
    for recipe in "$root"/recipes/*.c; do
        cp "$recipe" "$root"/recipes/recipe*.[hd]* .
        # shellcheck disable=SC2046
        eval "cc ${flags[*]} -DRECIPE_PROGRAM -o recipe $(basename "$recipe") $(pkg-config --cflags --libs clgrad) -lm" &&
            ./recipe - 1 > recipe.log || { cat recipe.log; fail "$(basename "$recipe") as a program"; }
    done
}

use "a prefix"
if command -v pkg-config > /dev/null && command -v cc > /dev/null; then
    check_pkg_config "installed"
    check_recipes
    mv "a prefix" moved
    use moved
    check_pkg_config "moved"
else
    mv "a prefix" moved
    echo "no pkg-config or no cc: the CMake package only"
fi
# Within another project: configured only, a second build of everything would take too long.
check_subdirectory()
{
    rm -rf consumer && mkdir consumer
    cp program.c consumer
    cat > consumer/CMakeLists.txt << WORDS
cmake_minimum_required(VERSION 3.21)
project(consumer LANGUAGES C)
add_subdirectory("$root" clgrad)
add_executable(by_shared program.c)
target_link_libraries(by_shared PRIVATE clgrad::clgrad)
add_executable(by_static program.c)
target_link_libraries(by_static PRIVATE clgrad::clgrad_static)
WORDS
    cmake -S consumer -B consumer/b > consumer.log 2>&1 && [[ ! -e consumer/b/clgrad/tests ]] ||
        { cat consumer.log; fail "add_subdirectory"; }
}

prefix=$folder/moved
check_subdirectory
check_cmake C program.c clgrad::clgrad
[[ ! -e $library/libclgrad.so ]] || check_cmake C program.c clgrad::clgrad_static
! command -v c++ > /dev/null || check_cmake CXX program.cpp clgrad::clgrad
exit $failed
