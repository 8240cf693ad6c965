# Writes one C file that holds every kernel file as a byte array: cmake -DOUTPUT=x.c -DFILES="a.cl;b.cl" -P embed.cmake
# Byte arrays have no length limit and need no quoting, unlike string literals.

set(table "")
set(arrays "")
set(index 0)
foreach(file IN LISTS FILES)
    get_filename_component(name "${file}" NAME)
    file(READ "${file}" hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "(0x0a,)" "\\1\n    " bytes "${bytes}")
    string(APPEND arrays "static const char file_${index}[] = {\n    ${bytes}0 };\n")
    string(APPEND table "    { \"${name}\", file_${index} },\n")
    math(EXPR index "${index} + 1")
endforeach()

file(WRITE "${OUTPUT}.new" "/* Generated from cl/ by cmake/embed.cmake. */
#include \"device/cl_file.h\"

${arrays}
const clgi_embedded_file clgi_embedded_files[] = {
${table}    { 0, 0 },
};
")
file(RENAME "${OUTPUT}.new" "${OUTPUT}")
