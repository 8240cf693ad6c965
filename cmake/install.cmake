# Installed: the shared library, the public headers, a CMake package and a pkg-config file.

include(CMakePackageConfigHelpers)
install(TARGETS clgrad EXPORT clgrad_targets)
install(DIRECTORY include/clgrad DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h" PATTERN "*.def")
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/clgrad)
install(EXPORT clgrad_targets NAMESPACE clgrad:: FILE clgradConfig.cmake DESTINATION ${package})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/generated/clgradConfigVersion.cmake COMPATIBILITY SameMinorVersion)
# Relative, so that `cmake --install --prefix` and moved folders work.
file(RELATIVE_PATH CLGI_PREFIX_FROM_PKGCONFIG /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/clgrad.pc.in ${CMAKE_BINARY_DIR}/generated/clgrad.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/generated/clgradConfigVersion.cmake DESTINATION ${package})
install(FILES ${CMAKE_BINARY_DIR}/generated/clgrad.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
