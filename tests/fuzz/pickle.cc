// The pickle machine alone: in a checkpoint its bytes lie behind a checksum.
#include "cq/core/io/pickle.h"

#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return cq::fuzz::attempt([&] { const cq::Pickle pickle({data, size}); });
}
