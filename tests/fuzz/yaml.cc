#include "cq/config/yaml_reader.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return cq::fuzz::attempt([&] {
    cq::config::read_yaml({reinterpret_cast<const char*>(data), size}, "input.yaml");
  });
}
