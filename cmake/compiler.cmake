# Warnings and sanitizers, as the target clgrad_compiler that everything of ours links with.

add_library(clgrad_compiler INTERFACE)
# Contraction would let the compiler decide where an FMA rounds: results must not depend on the machine it runs on.
target_compile_options(clgrad_compiler INTERFACE $<$<COMPILE_LANGUAGE:C>:-Wall -Wextra -Wpedantic -Wshadow
    -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wvla -ffp-contract=off -fno-math-errno>)
target_compile_definitions(clgrad_compiler INTERFACE _GNU_SOURCE)
if(CLGRAD_WERROR)
    target_compile_options(clgrad_compiler INTERFACE -Werror)
endif()
if(CLGRAD_FUZZ)
    target_compile_options(clgrad_compiler INTERFACE -fsanitize=fuzzer-no-link -g)
    target_link_options(clgrad_compiler INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(CLGRAD_SANITIZE)
    set(flags -fsanitize=${CLGRAD_SANITIZE} -fno-omit-frame-pointer -g)
    if(CLGRAD_SANITIZE STREQUAL "undefined")
        list(APPEND flags -fno-sanitize-recover=all)
    endif()
    target_compile_options(clgrad_compiler INTERFACE ${flags})
    target_link_options(clgrad_compiler INTERFACE ${flags})
endif()
