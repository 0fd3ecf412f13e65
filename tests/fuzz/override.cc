// An override of the command line, and the values of a sweep.
#include "cq/config/override.h"

#include <cmath>
#include <cstdio>

#include "tests/fuzz/input.h"

namespace cq {
namespace {

/// A value that was read is written so that the same is read again; but in an interpolation may
/// stand what may not outside, here as in Hydra.
void check_text(const config::Element& element) {
  const std::string text = element.text();
  if (text.find("$\\{") != std::string::npos) return;
  std::string again;
  fuzz::attempt([&] { again = std::get<0>(config::parse_override_value(text)).text(); });
  if (again != text) {
    std::fprintf(stderr, "%s\nis read as\n%s\n", text.c_str(), again.c_str());
    std::abort();
  }
}

/// Up to a million values are listed, which takes seconds here.
bool is_long(const config::Sweep& sweep) {
  if (sweep.kind != config::Sweep::Kind::range) return false;
  const double length = sweep.stop.as_double() - sweep.start.as_double();
  return std::abs(length) > 1000 * std::abs(sweep.step.as_double());
}

}  // namespace
}  // namespace cq

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return cq::fuzz::attempt([&] {
    const auto over = cq::config::parse_override({reinterpret_cast<const char*>(data), size});
    if (!over.has_value) return;
    if (over.is_sweep()) {
      if (!cq::is_long(over.sweep())) cq::config::sweep_values(over, {"none", "w8a8", "w4a8"});
    } else {
      cq::check_text(over.element());
    }
  });
}
