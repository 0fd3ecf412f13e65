set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

option(CQ_TESTS "build the tests" ON)
option(CQ_FUZZ "build the fuzz targets (clang)" OFF)
option(CQ_WERROR "treat warnings as errors" ON)
set(CQ_SANITIZE "" CACHE STRING "sanitizers, for instance address,undefined")

# Every target of the project links this one: include path, warnings, sanitizers.
add_library(cq_options INTERFACE)
target_include_directories(cq_options INTERFACE ${CMAKE_SOURCE_DIR})
# nvcc knows none of these; cmake/CqCuda.cmake has its own.
target_compile_options(
  cq_options INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wshadow;-Wnon-virtual-dtor>"
                       "$<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${CQ_WERROR}>>:-Werror>")
if(CQ_SANITIZE)
  target_compile_options(cq_options INTERFACE -fsanitize=${CQ_SANITIZE} -fno-omit-frame-pointer
                                              -fno-sanitize-recover=all)
  # GCC's manual: instrumented code makes this warning see what is not there.
  target_compile_options(cq_options
                         INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(cq_options INTERFACE -fsanitize=${CQ_SANITIZE})
endif()

find_program(CQ_CCACHE ccache)
if(CQ_CCACHE)
  # Without these two, ccache never hits on files that use a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CQ_CCACHE})
  add_compile_options($<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess>)
endif()
find_program(CQ_LLD ld.lld)
if(CQ_LLD)
  add_link_options(-fuse-ld=lld)
endif()
