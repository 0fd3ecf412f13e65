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

macro(cq_kernels library)
  cmake_parse_arguments(cq_kernels "" "" "CUDA;NO_CUDA" ${ARGN})
  if(CQ_HAVE_CUDA)
    if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
      set(CMAKE_CUDA_ARCHITECTURES 80 90)
    endif()
    enable_language(CUDA)
    target_sources(${library} PRIVATE ${cq_kernels_CUDA})
  else()
    target_sources(${library} PRIVATE ${cq_kernels_NO_CUDA})
  endif()
endmacro()
