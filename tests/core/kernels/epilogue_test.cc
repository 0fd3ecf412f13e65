#include "cq/core/kernels/epilogue.h"

#include "tests/core/kernels/kernel_cases.h"

namespace cq::kernels {
namespace {

struct Operands {
  Operands(int64_t channels, Draw& draw)
      : stride(channels + 3),
        sums(draw.whole<int32_t>(rows * stride, -3000000, 3000000)),
        term_sums(draw.whole<int32_t>(2 * rows, -20000, 20000)),
        products(draw.normal(rows * stride)),
        factor(draw.normal(channels, 1e-6F)),
        bias(draw.normal(channels)),
        term_factor(draw.normal(2 * channels, 1e-4F)),
        addend(draw.normal(rows * stride)),
        channel_bias(draw.normal(images * channels)),
        gate(draw.normal(images * 2 * channels)),
        residual(draw.normal(rows * stride)) {}
  static constexpr int64_t images = 2, positions = 3, rows = images * positions;
  int64_t stride;
  std::vector<int32_t> sums, term_sums;
  std::vector<float> products, factor, bias, term_factor, addend, channel_bias, gate, residual;
};

/// Bit i of `use` says whether operand i takes part.
Epilogue make(const Operands& o, int64_t channels, unsigned use) {
  const auto has = [&](unsigned bit) { return (use >> bit & 1) != 0; };
  Epilogue e;
  e.channels = channels;
  e.rows_per_image = Operands::positions;
  if (has(0)) {
    e.sums = rows_of(o.sums, o.stride);
  } else {
    e.products = rows_of(o.products, o.stride);
  }
  if (has(0) || has(1)) e.factor = o.factor.data();
  if (has(2)) e.bias = o.bias.data();
  if (has(3)) e.terms[0] = {o.term_sums.data(), o.term_factor.data()};
  if (has(4)) {
    e.terms[1] = {o.term_sums.data() + Operands::rows, o.term_factor.data() + channels};
  }
  if (has(5)) e.addend = rows_of(o.addend, o.stride);
  if (has(6)) e.channel_bias = rows_of(o.channel_bias, channels);
  if (has(7)) e.gate = {o.gate.data() + channels, 2 * channels};
  if (has(8)) e.residual = rows_of(o.residual, o.stride);
  return e;
}

TEST(Epilogue, EveryCombinationOfOperands) {
  on_each_target([] {
    Draw draw(1);
    for (const int64_t channels : {1, 3, 17, 64, 72}) {
      const Operands o(channels, draw);
      for (unsigned use = 0; use < 512; ++use) {
        Epilogue e = make(o, channels, use);
        std::vector<float> fast(o.products.size(), 99), plain = fast;
        e.out = {plain.data(), o.stride};
        epilogue_reference(e, 0, Operands::rows);
        e.out = {fast.data(), o.stride};
        epilogue(e, 0, 2);
        epilogue(e, 2, Operands::rows);
        for (size_t i = 0; i < fast.size(); ++i) {
          ASSERT_NEAR(fast[i], plain[i], 3e-6 * (4 + std::abs(plain[i]))) << use << " at " << i;
        }
      }
    }
  });
}

TEST(Epilogue, InPlaceOfProductAddendOrResidual) {
  on_each_target([] {
    Draw draw(2);
    for (const int64_t channels : kWidths) {
      const Operands o(channels, draw);
      Epilogue e = make(o, channels, 0x1FE);
      std::vector<float> apart(o.products.size(), 0);
      e.out = {apart.data(), o.stride};
      epilogue(e, 0, Operands::rows);
      for (int which = 0; which < 3; ++which) {
        auto memory = which == 0 ? o.products : which == 1 ? o.addend : o.residual;
        Epilogue in_place = e;
        (which == 0   ? in_place.products
         : which == 1 ? in_place.addend
                      : in_place.residual) = rows_of(memory, o.stride);
        in_place.out = {memory.data(), o.stride};
        epilogue(in_place, 0, Operands::rows);
        for (int64_t r = 0; r < Operands::rows; ++r) {
          for (int64_t c = 0; c < channels; ++c) {
            const auto at = size_t(r * o.stride + c);
            ASSERT_EQ(memory[at], apart[at]) << which;
          }
        }
      }
    }
  });
}

TEST(Decode, WithAndWithoutResidual) {
  on_each_target([] {
    Draw draw(3);
    for (const int64_t channels : kWidths) {
      const auto codes = draw.whole<uint8_t>(5 * channels, 0, 255);
      const auto slope = draw.normal(channels, 0.1F), intercept = draw.normal(channels);
      const auto residual = draw.normal(5 * channels);
      for (const bool with_residual : {false, true}) {
        std::vector<float> fast(residual.size()), plain = fast;
        Decode d{rows_of(codes, channels), channels, slope.data(), intercept.data(), {}, {}};
        if (with_residual) d.residual = rows_of(residual, channels);
        d.out = {plain.data(), channels};
        decode_reference(d, 0, 5);
        d.out = {fast.data(), channels};
        decode(d, 0, 5);
        for (size_t i = 0; i < fast.size(); ++i) {
          ASSERT_NEAR(fast[i], plain[i], 1e-6 * (20 + std::abs(plain[i])));
        }
      }
    }
  });
}

}  // namespace
}  // namespace cq::kernels
