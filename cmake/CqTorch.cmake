# libtorch from the folder of a Python torch package (".../site-packages/torch") or a libtorch
# archive. Only libtorch_cpu and libc10 are linked; the CUDA library is loaded at run time.
set(CQ_TORCH "" CACHE PATH "folder of libtorch: has include/ and lib/")
if(NOT CQ_TORCH AND DEFINED ENV{CQ_TORCH})
  set(CQ_TORCH $ENV{CQ_TORCH})
endif()
if(NOT CQ_TORCH)
  set(CQ_TORCH ${CMAKE_SOURCE_DIR}/.deps/torch)
endif()
if(NOT EXISTS ${CQ_TORCH}/include/ATen/core/Tensor.h)
  message(FATAL_ERROR "no libtorch in '${CQ_TORCH}': run scripts/setup, or set CQ_TORCH to the "
                      "folder of an installed torch (python3 -c 'import torch; print(torch.__path__[0])')")
endif()

add_library(cq_torch INTERFACE)
# After the system's folders, because libtorch carries its own copy of fmt.
target_compile_options(cq_torch INTERFACE "SHELL:-idirafter ${CQ_TORCH}/include")
target_link_libraries(cq_torch INTERFACE ${CQ_TORCH}/lib/libtorch_cpu.so ${CQ_TORCH}/lib/libc10.so)
target_link_options(cq_torch INTERFACE -Wl,-rpath,${CQ_TORCH}/lib
                                       -Wl,--allow-shlib-undefined)
