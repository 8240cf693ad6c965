# The harness of `clgrad bench`: benchmarks/*.c, with its list, its Python peer and its page inside. It stands on the
# checks: nothing is timed before it is verified. Peers (OpenBLAS, oneDNN, CLBlast) are opened when it runs; only
# their headers are looked for here.
file(GLOB bench_sources CONFIGURE_DEPENDS benchmarks/*.c)
if(bench_sources AND TARGET clgrad_check)
    find_path(DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.h)
    if(NOT DNNL_INCLUDE_DIR)
        list(FILTER bench_sources EXCLUDE REGEX "/peer_onednn_")
    endif()
    file(GLOB bench_files CONFIGURE_DEPENDS benchmarks/*.txt benchmarks/*.py benchmarks/*.css benchmarks/*.cl)
    set(bench_embedded ${PROJECT_BINARY_DIR}/generated/bench_files.c)
    add_custom_command(OUTPUT ${bench_embedded} DEPENDS ${bench_files} cmake/embed.cmake VERBATIM
        COMMAND ${CMAKE_COMMAND} -DOUTPUT=${bench_embedded} -DTABLE=bench_files "-DFILES=${bench_files}"
                -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
        COMMENT "Embedding the files of benchmarks/")
    add_library(clgrad_bench STATIC ${bench_sources} ${bench_embedded})
    target_include_directories(clgrad_bench PUBLIC benchmarks PRIVATE src check recipes tests)
    target_link_libraries(clgrad_bench PUBLIC clgrad_check PRIVATE clgrad_compiler)
    # Which sources are measured: asked once, when the build is configured.
    find_package(Git QUIET)
    if(GIT_FOUND)
        execute_process(COMMAND ${GIT_EXECUTABLE} -C ${PROJECT_SOURCE_DIR} describe --always --dirty
            OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    endif()
    if(commit)
        set_source_files_properties(benchmarks/machine.c PROPERTIES COMPILE_DEFINITIONS "CLGI_COMMIT=\"${commit}\"")
    endif()
    if(DNNL_INCLUDE_DIR)
        target_compile_definitions(clgrad_bench PRIVATE CLGI_HAVE_DNNL)
        target_include_directories(clgrad_bench SYSTEM PRIVATE ${DNNL_INCLUDE_DIR})
    endif()
endif()
