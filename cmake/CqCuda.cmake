# CUDA kernels are compiled where a CUDA compiler is found and are absent otherwise: a library
# with kernels gives both lists, cq_kernels(LIBRARY CUDA a.cu ... NO_CUDA b.cc ...), where the
# second is the null implementation, which throws. Running libtorch's own operators on a GPU needs
# neither: its CUDA library is loaded at run time.
set(CQ_CUDA AUTO CACHE STRING "CUDA kernels: AUTO (where a compiler is found), ON or OFF")
set_property(CACHE CQ_CUDA PROPERTY STRINGS AUTO ON OFF)
if(NOT CQ_CUDA MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "CQ_CUDA='${CQ_CUDA}': expected AUTO, ON or OFF")
endif()

set(CQ_HAVE_CUDA OFF)
if(NOT CQ_CUDA STREQUAL "OFF")
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    set(CQ_HAVE_CUDA ON)
  elseif(CQ_CUDA STREQUAL "ON")
    message(FATAL_ERROR "CQ_CUDA=ON, but no CUDA compiler: put nvcc on PATH or set CUDACXX, or "
                        "use CQ_CUDA=AUTO")
  endif()
endif()
if(CQ_HAVE_CUDA)
  # Machine code for Ampere (and Ada) and for Hopper; later GPUs compile the PTX when they load it.
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 80-real 90)
  endif()
  if(CQ_CCACHE)
    set(CMAKE_CUDA_COMPILER_LAUNCHER ${CQ_CCACHE})
  endif()
  enable_language(CUDA)
  # CMake 3.25 does not know that nvcc has C++20.
  if(NOT DEFINED CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  endif()
  # Linked by name below: what CMake adds of itself is looked for in no folder.
  set(CMAKE_CUDA_RUNTIME_LIBRARY None)
  find_package(CUDAToolkit REQUIRED)
endif()

function(cq_kernels library)
  cmake_parse_arguments(arg "" "" "CUDA;NO_CUDA" ${ARGN})
  if(NOT CQ_HAVE_CUDA)
    target_sources(${library} PRIVATE ${arg_NO_CUDA})
    return()
  endif()
  set(device ${arg_CUDA})
  list(FILTER device INCLUDE REGEX "[.]cu$")
  list(FILTER arg_CUDA EXCLUDE REGEX "[.]cu$")
  # Apart: nvcc must not see the include folders of the library's dependencies. Products and sums
  # are fused where the source says so, as in the CPU's kernels.
  set(hopper ${device})
  list(FILTER hopper INCLUDE REGEX "_sm90[.]cu$")
  list(FILTER device EXCLUDE REGEX "_sm90[.]cu$")
  add_library(${library}_device OBJECT ${device})
  # NAME_sm90.cu has instructions of Hopper that no later GPU need have: for it alone.
  add_library(${library}_hopper OBJECT ${hopper})
  set_target_properties(${library}_hopper PROPERTIES CUDA_ARCHITECTURES OFF)
  target_compile_options(${library}_hopper PRIVATE "-gencode=arch=compute_90a,code=sm_90a")
  target_sources(${library} PRIVATE ${arg_CUDA})
  foreach(part ${library}_device ${library}_hopper)
    target_link_libraries(${part} PRIVATE cq_options)
    target_compile_options(
      ${part} PRIVATE -fmad=false --expt-relaxed-constexpr -Xcompiler=-Wall,-Wextra
                      "$<$<BOOL:${CQ_WERROR}>:-Werror=all-warnings>")
    target_sources(${library} PRIVATE $<TARGET_OBJECTS:${part}>)
  endforeach()
  string(REPLACE ";" " " architectures "${CMAKE_CUDA_ARCHITECTURES} and 90a")
  target_compile_definitions(
    ${library} PRIVATE
      "CQ_CUDA_COMPILED_FOR=\"CUDA ${CMAKE_CUDA_COMPILER_VERSION} for ${architectures}\"")
  # The runtime is linked in: programs start where there is neither a toolkit nor a driver.
  target_link_libraries(${library} PRIVATE CUDA::cudart_static)
endfunction()
