# Installed: the libraries, the public headers, a CMake package and a pkg-config file.

include(CMakePackageConfigHelpers)
install(TARGETS ${clgrad_libraries} EXPORT clgrad_targets)
install(DIRECTORY include/clgrad DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h" PATTERN "*.def")
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/clgrad)
install(EXPORT clgrad_targets NAMESPACE clgrad:: FILE clgradConfig.cmake DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/generated/clgradConfigVersion.cmake COMPATIBILITY SameMinorVersion)
# Relative, so that `cmake --install --prefix` and moved folders work.
file(RELATIVE_PATH CLGI_PREFIX_FROM_PKGCONFIG /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
# A program takes what the static library needs by `pkg-config --static`, or always where there is no shared one.
list(TRANSFORM CLGI_STATIC_LIBRARIES PREPEND -l OUTPUT_VARIABLE private)
list(JOIN private " " CLGI_PC_LIBS_PRIVATE)
set(CLGI_PC_LIBS "")
if(NOT CLGRAD_SHARED)
    set(CLGI_PC_LIBS " ${CLGI_PC_LIBS_PRIVATE}")
    set(CLGI_PC_LIBS_PRIVATE "")
endif()
configure_file(cmake/clgrad.pc.in ${PROJECT_BINARY_DIR}/generated/clgrad.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/generated/clgradConfigVersion.cmake DESTINATION ${package})
install(FILES ${PROJECT_BINARY_DIR}/generated/clgrad.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
