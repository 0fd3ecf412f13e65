# Two ways out of the build tree: `cmake --install` for this machine, and cq-exp-portable, from
# which scripts/bundle makes an archive for others.
include(GNUInstallDirs)

# The program looks for its configs and models next to its own folder, or in share/cq-exp.
set_target_properties(cq-exp PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
install(TARGETS cq-exp RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
foreach(folder configs models)
  install(DIRECTORY ${folder} DESTINATION ${CMAKE_INSTALL_DATADIR}/cq-exp OPTIONAL)
endforeach()
install(FILES LICENSE CITATION.cff DESTINATION ${CMAKE_INSTALL_DOCDIR})

# For programs that go into the archive. OpenCV's imgcodecs needs GDAL and a hundred more libraries,
# so they link cq_image_codecs_png_jpeg, which has the other codecs, and --as-needed drops the
# library from them. The old kind of run path is wanted: the libraries beside the program find each
# other through it too.
function(cq_portable program)
  target_link_options(${program} PRIVATE -Wl,--as-needed -Wl,--disable-new-dtags)
  set_target_properties(
    ${program}
    PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/portable
               BUILD_WITH_INSTALL_RPATH ON
               INSTALL_RPATH "$ORIGIN/../lib")
endfunction()
add_executable(cq-exp-portable EXCLUDE_FROM_ALL cq/main.cc)
target_link_libraries(cq-exp-portable PRIVATE cq_image_codecs_png_jpeg cq_experiments)
cq_portable(cq-exp-portable)
set_target_properties(cq-exp-portable PROPERTIES OUTPUT_NAME cq-exp)
