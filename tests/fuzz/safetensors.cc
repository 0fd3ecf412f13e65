#include "cq/core/io/safetensors.h"

#include "tests/fuzz/input.h"
#include "tests/fuzz/read_all.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return cq::fuzz::attempt([&] {
    const cq::fuzz::InputFile input(data, size);
    cq::fuzz::read_all(cq::SafeTensors::open(input.path()));
  });
}
