# What the library is built with: the required, and the found-and-used. Sets the target clgrad_dependencies.

find_package(Threads REQUIRED)
find_package(ZLIB)
if(NOT ZLIB_FOUND)
    message(FATAL_ERROR "zlib is needed (gzipped data sets): apt install zlib1g-dev, or run scripts/setup")
endif()
find_path(JANSSON_INCLUDE_DIR jansson.h)
find_library(JANSSON_LIBRARY jansson)
if(NOT JANSSON_INCLUDE_DIR OR NOT JANSSON_LIBRARY)
    message(FATAL_ERROR "jansson is needed (JSON in files and logs): apt install libjansson-dev, or run scripts/setup")
endif()
find_path(XXHASH_INCLUDE_DIR xxhash.h)
if(NOT XXHASH_INCLUDE_DIR)
    message(FATAL_ERROR "xxhash.h is needed (a single header, for hashes): apt install libxxhash-dev, or put "
                        "xxhash.h 0.8 of https://xxhash.com into a folder and give -DXXHASH_INCLUDE_DIR=FOLDER")
endif()

add_library(clgrad_dependencies INTERFACE)
target_link_libraries(clgrad_dependencies INTERFACE ZLIB::ZLIB ${JANSSON_LIBRARY} Threads::Threads
                                                    ${CMAKE_DL_LIBS} m)
target_include_directories(clgrad_dependencies SYSTEM INTERFACE ${JANSSON_INCLUDE_DIR} ${XXHASH_INCLUDE_DIR})

# The same by the names that a linker takes, for programs that link with the installed static library.
set(CLGI_STATIC_LIBRARIES z jansson)

# OpenCL: headers only. The loader is opened when the program runs.
set(CLGI_HAVE_OPENCL OFF)
if(CLGRAD_OPENCL)
    find_path(OPENCL_INCLUDE_DIR CL/cl.h)
    if(OPENCL_INCLUDE_DIR)
        set(CLGI_HAVE_OPENCL ON)
        target_compile_definitions(clgrad_dependencies INTERFACE CLGI_HAVE_OPENCL CL_TARGET_OPENCL_VERSION=120)
        target_include_directories(clgrad_dependencies SYSTEM INTERFACE ${OPENCL_INCLUDE_DIR})
    else()
        message(WARNING "CL/cl.h not found: this build has the host device only "
                        "(apt install opencl-c-headers, and configure again)")
    endif()
endif()

# CBLAS: OpenBLAS before any other.
set(CLGI_HAVE_CBLAS OFF)
if(CLGRAD_CBLAS)
    find_library(OPENBLAS_LIBRARY openblas)
    if(OPENBLAS_LIBRARY)
        set(cblas_library ${OPENBLAS_LIBRARY})
    else()
        find_library(CBLAS_LIBRARY NAMES blis cblas)
        set(cblas_library ${CBLAS_LIBRARY})
    endif()
    find_path(CBLAS_INCLUDE_DIR cblas.h PATH_SUFFIXES openblas openblas-pthread openblas-openmp blis)
    if(cblas_library AND CBLAS_INCLUDE_DIR)
        set(CLGI_HAVE_CBLAS ON)
        target_compile_definitions(clgrad_dependencies INTERFACE CLGI_HAVE_CBLAS)
        target_include_directories(clgrad_dependencies SYSTEM INTERFACE ${CBLAS_INCLUDE_DIR})
        target_link_libraries(clgrad_dependencies INTERFACE ${cblas_library})
        get_filename_component(name ${cblas_library} NAME_WE)
        string(REGEX REPLACE "^lib" "" name ${name})
        list(APPEND CLGI_STATIC_LIBRARIES ${name})
    endif()
endif()

# Pictures: each of the two libraries by itself.
foreach(image_library JPEG LibArchive)
    set(macro CLGI_HAVE_JPEG)
    set(name jpeg)
    if(image_library STREQUAL LibArchive)
        set(macro CLGI_HAVE_ARCHIVE)
        set(name archive)
    endif()
    set(${macro} OFF)
    if(CLGRAD_IMAGES)
        find_package(${image_library})
        if(${image_library}_FOUND)
            set(${macro} ON)
            target_compile_definitions(clgrad_dependencies INTERFACE ${macro})
            target_link_libraries(clgrad_dependencies INTERFACE ${image_library}::${image_library})
            list(APPEND CLGI_STATIC_LIBRARIES ${name})
        endif()
    endif()
endforeach()

list(APPEND CLGI_STATIC_LIBRARIES pthread ${CMAKE_DL_LIBS} m)

message(STATUS "clgrad: OpenCL ${CLGI_HAVE_OPENCL}, CBLAS ${CLGI_HAVE_CBLAS} ${cblas_library}, "
               "JPEG ${CLGI_HAVE_JPEG}, archives ${CLGI_HAVE_ARCHIVE}")
