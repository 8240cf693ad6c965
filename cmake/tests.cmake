# One program per tests/FOLDER/test_TOPIC.c, one CTest entry each, labelled with its folder; test_slow_* also `slow`.
# Scripts tests/FOLDER/test_*.sh and *.py are entries too (exit code 77: skipped).

find_path(CMOCKA_INCLUDE_DIR cmocka.h)
find_library(CMOCKA_LIBRARY cmocka)
if(NOT CMOCKA_INCLUDE_DIR OR NOT CMOCKA_LIBRARY)
    message(WARNING "cmocka not found: no tests (apt install libcmocka-dev, or -DCLGRAD_TESTS=OFF to say so)")
    return()
endif()

set(folders unit device plan ops train headers vendor)
set(environment "CLGRAD_CACHE_DIR=${PROJECT_BINARY_DIR}/cache;CLGRAD_COMMAND=${PROJECT_BINARY_DIR}/clgrad"
                "CLGRAD_BUILD=${PROJECT_BINARY_DIR}" "CLGRAD_SANITIZE=${CLGRAD_SANITIZE}")
if(CLGRAD_SANITIZE)
    # One driver opens itself with RTLD_DEEPBIND, at which the address sanitizer ends the process.
    list(APPEND environment "OCL_ICD_VENDORS=/etc/OpenCL/vendors/pocl.icd"
         "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/cmake/lsan.supp:print_suppressions=0")
endif()

file(GLOB support CONFIGURE_DEPENDS tests/support/*.c)
add_library(clgrad_test_support INTERFACE)
target_sources(clgrad_test_support INTERFACE ${support})
target_include_directories(clgrad_test_support INTERFACE ${PROJECT_SOURCE_DIR}/tests ${PROJECT_SOURCE_DIR}/check)
target_include_directories(clgrad_test_support SYSTEM INTERFACE ${CMOCKA_INCLUDE_DIR})
target_compile_definitions(clgrad_test_support INTERFACE CLGRAD_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                                                         CLGRAD_COMMAND="${PROJECT_BINARY_DIR}/clgrad")
target_link_libraries(clgrad_test_support INTERFACE ${CMOCKA_LIBRARY})

function(clgrad_label name folder)
    set(labels ${folder})
    set(limit 900)
    if(name MATCHES "test_slow_")
        list(APPEND labels slow)
        set(limit 3600)
    endif()
    set_tests_properties(${name} PROPERTIES LABELS "${labels}" TIMEOUT ${limit} SKIP_RETURN_CODE 77
                                            ENVIRONMENT "${environment}")
    if(name MATCHES "test_(cases|golden|random_graphs|differences)") # the long ones first
        set_tests_properties(${name} PROPERTIES COST 100)
    endif()
endfunction()

foreach(folder IN LISTS folders)
    file(GLOB sources CONFIGURE_DEPENDS tests/${folder}/test_*.c)
    foreach(source IN LISTS sources)
        get_filename_component(name ${source} NAME_WE)
        # Tests see internal functions, so they take the static library.
        add_executable(${name} ${source})
        target_link_libraries(${name} PRIVATE clgrad_test_support)
        if(TARGET clgrad_check)
            target_link_libraries(${name} PRIVATE clgrad_check)
        endif()
        target_link_libraries(${name} PRIVATE clgrad_static clgrad_compiler)
        target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
        set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
        if(name MATCHES "parity") # trains the recipes' nets
            target_sources(${name} PRIVATE recipes/resnet20.c recipes/gpt.c)
            target_include_directories(${name} PRIVATE recipes)
        endif()
        if(name MATCHES "fault_table") # puts itself under the library's file calls
            target_link_options(${name} PRIVATE LINKER:--wrap=open,--wrap=read,--wrap=write,--wrap=close,--wrap=fsync
                LINKER:--wrap=rename,--wrap=link,--wrap=unlink,--wrap=mkdir,--wrap=access,--wrap=lstat,--wrap=fstat
                LINKER:--wrap=mkostemp,--wrap=opendir)
        endif()
        add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
        clgrad_label(${name} ${folder})
    endforeach()
    file(GLOB scripts CONFIGURE_DEPENDS tests/${folder}/test_*.sh tests/${folder}/test_*.py)
    foreach(script IN LISTS scripts)
        get_filename_component(name ${script} NAME)
        add_test(NAME ${name} COMMAND ${script} WORKING_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
        clgrad_label(${name} ${folder})
    endforeach()
endforeach()

# Writes all kernels for the offline compilers of tests/vendor, without a device.
if(TARGET clgrad_check)
    file(GLOB vendor_sources CONFIGURE_DEPENDS tests/vendor/programs*.c recipes/*.c)
    add_executable(vendor_programs ${vendor_sources} cli/step.c cli/model.c cli/message.c)
    target_link_libraries(vendor_programs PRIVATE clgrad_test_support clgrad_check clgrad_static clgrad_compiler)
    target_include_directories(vendor_programs PRIVATE src cli recipes)
    set_target_properties(vendor_programs PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
endif()

# Fuzz targets tests/fuzz/fuzz_TOPIC.c. CTest replays tests/fuzz/corpus/TOPIC through tests/fuzz/replay.c; with
# clang, `cmake -DCLGRAD_FUZZ=ON -DCLGRAD_SANITIZE=address` makes libFuzzer programs of them instead.
file(GLOB sources CONFIGURE_DEPENDS tests/fuzz/fuzz_*.c)
foreach(source IN LISTS sources)
    get_filename_component(name ${source} NAME_WE)
    string(REPLACE "fuzz_" "" topic ${name})
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE clgrad_static clgrad_compiler)
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    if(CLGRAD_FUZZ)
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    else()
        target_sources(${name} PRIVATE tests/fuzz/replay.c)
        add_test(NAME ${name} COMMAND ${name} ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${topic})
        clgrad_label(${name} unit)
    endif()
endforeach()

# Every public header alone, as strict C99 and, where there is a compiler, as C++17.
file(GLOB headers RELATIVE ${PROJECT_SOURCE_DIR}/include CONFIGURE_DEPENDS include/clgrad/*.h include/clgrad/sys/*.h)
include(CheckLanguage)
check_language(CXX)
set(languages c)
if(CMAKE_CXX_COMPILER)
    enable_language(CXX)
    list(APPEND languages cpp)
endif()
set(header_sources "")
foreach(header IN LISTS headers)
    string(MAKE_C_IDENTIFIER ${header} id)
    foreach(language IN LISTS languages)
        set(file ${PROJECT_BINARY_DIR}/generated/headers/${id}.${language})
        if(NOT EXISTS ${file})
            file(WRITE ${file} "#include <${header}>\ntypedef int ${id}_is_not_empty;\n")
        endif()
        list(APPEND header_sources ${file})
    endforeach()
endforeach()
add_library(clgrad_headers_alone OBJECT ${header_sources})
target_include_directories(clgrad_headers_alone PRIVATE include)
target_compile_options(clgrad_headers_alone PRIVATE -Wall -Wextra -Wpedantic -Werror)
set_target_properties(clgrad_headers_alone PROPERTIES C_STANDARD 99 C_EXTENSIONS OFF CXX_STANDARD 17 CXX_EXTENSIONS OFF)
