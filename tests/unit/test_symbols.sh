#!/bin/bash
# The shared library exports our names only, all of one version, and imports nothing that prints, exits or runs programs.
set -u
library=${CLGRAD_BUILD:?set by CTest}/libclgrad.so
[[ -e $library ]] || { echo "no shared library at $library"; exit 77; }
failed=0

foreign=$(nm -D --defined-only "$library" | awk '$2 ~ /[TDBRVW]/ { print $3 }' | grep -vE '^clg_')
if [[ -n $foreign ]]; then
    echo "exported, but not ours: $foreign"
    failed=1
fi
count=$(nm -D --defined-only "$library" | grep -c ' T clg_')
if ((count < 50)); then
    echo "only $count functions are exported"
    failed=1
fi
versioned=$(nm -D --defined-only --with-symbol-versions "$library" | grep -c ' T clg_.*@@CLGRAD_0$')
if ((versioned != count)); then
    echo "$count functions are exported, $versioned with the version of cmake/clgrad.map"
    failed=1
fi

# Sanitizers bring imports of their own.
if ! nm -D "$library" | grep -qE '__(asan|tsan|ubsan)'; then
    banned=$(nm -D --undefined-only "$library" | awk '{ print $2 }' | sed 's/@.*//' |
             grep -xE 'abort|_?exit|_Exit|quick_exit|system|popen|printf|fprintf|vprintf|vfprintf|puts|putchar|perror|__assert_fail|__printf_chk|__fprintf_chk|fork')
    if [[ -n $banned ]]; then
        echo "imported, but banned: $banned"
        failed=1
    fi
    if nm -D --undefined-only "$library" | grep -qE ' cl[A-Z]'; then
        echo "linked with OpenCL, which must be opened at run time"
        failed=1
    fi
fi
((failed)) || echo "$count functions exported, all ours"
exit $failed
