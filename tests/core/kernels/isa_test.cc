#include "cq/core/kernels/isa.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"

namespace cq::kernels {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Isa, LevelsUpToTheBestAreAccepted) {
  EXPECT_EQ(parse_isa(""), best_isa());
  for (const Isa level : {Isa::avx2, Isa::avx512, Isa::amx}) {
    if (best_isa() <= Isa::amx && level <= best_isa()) {
      EXPECT_EQ(parse_isa(isa_name(level)), level);
    } else {
      EXPECT_THAT([&] { parse_isa(isa_name(level)); },
                  ThrowsMessage<UsageError>(HasSubstr("this CPU lacks it")));
    }
  }
}

TEST(Isa, OtherNamesStop) {
  for (const char* name : {"avx", "AVX2", "neon", "portable", " avx2", "sse4"}) {
    EXPECT_THAT([&] { parse_isa(name); },
                ThrowsMessage<UsageError>(HasSubstr("expected avx2, avx512 or amx")));
  }
}

}  // namespace
}  // namespace cq::kernels
