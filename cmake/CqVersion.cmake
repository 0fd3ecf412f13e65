# cq_version_info(HEADER): a header with the git revision, refreshed at every build. The header is
# rewritten only when its contents change, so that an unchanged tree rebuilds nothing.
set(CQ_WRITE_VERSION_INFO ${CMAKE_CURRENT_LIST_DIR}/WriteVersionInfo.cmake)

function(cq_version_info header)
  add_custom_target(
    cq_version_info
    COMMAND
      ${CMAKE_COMMAND} -D HEADER=${header} -D SOURCE_DIR=${CMAKE_SOURCE_DIR} -D
      TEMPLATE=${CMAKE_CURRENT_SOURCE_DIR}/version_info.h.in -D VERSION=${PROJECT_VERSION} -D
      BUILD_TYPE=${CMAKE_BUILD_TYPE} -D
      "COMPILER=${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}" -P
      ${CQ_WRITE_VERSION_INFO}
    BYPRODUCTS ${header}
    COMMENT "Looking up the git revision"
    VERBATIM)
endfunction()
