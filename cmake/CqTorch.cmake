# libtorch from the folder of a Python torch package (".../site-packages/torch") or a libtorch
# archive. Only libtorch_cpu and libc10 are linked; the CUDA library is loaded at run time.
set(CQ_TORCH "" CACHE PATH "folder of libtorch: has include/ and lib/")
if(NOT "$ENV{CQ_TORCH}" STREQUAL "" AND NOT "$ENV{CQ_TORCH}" STREQUAL "${CQ_TORCH}")
  # Kept in the cache: a later re-configuration by the build tool may not see the variable.
  set_property(CACHE CQ_TORCH PROPERTY VALUE $ENV{CQ_TORCH})
endif()
if(CQ_TORCH)
  set(cq_torch_folder ${CQ_TORCH})
else()
  set(cq_torch_folder ${CMAKE_SOURCE_DIR}/.deps/torch)
endif()
if(NOT EXISTS ${cq_torch_folder}/include/ATen/core/Tensor.h)
  message(FATAL_ERROR "no libtorch in '${cq_torch_folder}': run scripts/setup, or set CQ_TORCH to the "
                      "folder of an installed torch (python3 -c 'import torch; print(torch.__path__[0])')")
endif()

add_library(cq_torch INTERFACE)
# Lets ATen's own headers include single operators instead of all of them.
target_compile_definitions(cq_torch INTERFACE AT_PER_OPERATOR_HEADERS)
# After the system's folders, because libtorch carries its own copy of fmt.
target_compile_options(cq_torch INTERFACE "SHELL:-idirafter ${cq_torch_folder}/include")
# The OpenMP library that libtorch loads: some of libtorch's packages have a name of their own for it.
file(GLOB cq_torch_gomp ${cq_torch_folder}/lib/libgomp*.so*)
target_link_libraries(cq_torch INTERFACE ${cq_torch_folder}/lib/libtorch_cpu.so
                      ${cq_torch_gomp}
                                         ${cq_torch_folder}/lib/libc10.so)
target_link_options(cq_torch INTERFACE -Wl,--allow-shlib-undefined)
