#include "cq/core/io/npy.h"

#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return cq::fuzz::attempt([&] {
    const cq::fuzz::InputFile input(data, size);
    const auto file = cq::NpyFile::open(input.path());
    const at::Tensor whole = file.tensor();
    if (whole.dim() > 0 && whole.size(0) > 1) file.rows(1, whole.size(0));
  });
}
