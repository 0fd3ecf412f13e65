#include "cq/core/io/image_header.h"

#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return cq::fuzz::attempt([&] { cq::read_image_header({data, size}); });
}
