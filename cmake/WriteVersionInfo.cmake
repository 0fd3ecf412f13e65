# Script mode (cmake -P): fills TEMPLATE into HEADER. A tree is dirty when what is compiled differs
# from the commit; changed results or documents do not count.
set(REVISION "")
set(DIRTY false)
find_program(GIT git)
if(GIT AND EXISTS ${SOURCE_DIR}/.git)
  execute_process(
    COMMAND ${GIT} -C ${SOURCE_DIR} rev-parse HEAD
    OUTPUT_VARIABLE REVISION
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  execute_process(
    COMMAND ${GIT} --no-optional-locks -C ${SOURCE_DIR} status --porcelain -- cq cmake
            CMakeLists.txt configs
    OUTPUT_VARIABLE changes
    ERROR_QUIET)
  if(changes)
    set(DIRTY true)
  endif()
endif()
configure_file(${TEMPLATE} ${HEADER} @ONLY)
