#pragma once
// Attention, all of it on the chip: a block takes kAttentionRows queries of a head, a warp 16 of
// them, and goes through the keys twice, kKeyTile at a time. The first time leaves each query's
// largest score and the sum of its exponentials; the second makes the scores again, their codes,
// and multiplies these with the values. Scores lie in the registers that mma gives them to, and
// what mma takes of the codes is what the same thread has: keys are taken in the order in which
// scores come, and values are read in that order.
//
// The machine is that of product_tile.h, with
//   load4_transposed(offset, to)   ldmatrix.x4.trans
//   multiply(d, a, b)              d(r) += a(r) b(r), four registers, four and two
//   add_lanes<n>(of), most_quads(of)  *of(r) becomes the sum of n (2, 4) neighbouring threads', the
//                                  largest of four
//   words(offset)                  32-bit words in shared memory
//   exp2(x), select(a, b, s)       2^x, 0 where that is tiny; byte i of the result is byte s >> 4 i
//                                  of a and b
//   count_signed(x, n), count_unsigned(x, n)   n and the sum of a word's bytes
//   store_bytes(to, x, n), add(to, x)   the first n bytes of a word; to what others add to as well.
#include "cq/core/kernels/cuda/elements.h"
#include "cq/core/kernels/device_kernels.h"

namespace cq::kernels::cuda {

constexpr int kAttentionThreads = 128, kAttentionRows = kAttentionThreads / 2;
constexpr int kKeyTile = 64, kKeyStages = 3, kPerToken = kAttentionThreads / kKeyTile;
constexpr int kKeyTiles = kKeyTile / 8;  ///< of eight keys
constexpr int kTokenChunk = int(kDeviceDepth);

/// Heads of kChunks chunks.
template <int kChunks>
struct AttentionShape {
  static constexpr int kSteps = (kChunks + 1) / 2;  ///< of 32 bytes
  /// Of a token in shared memory: an odd number of chunks, so that eight tokens' chunks lie in
  /// different banks.
  static constexpr int kStride = (kChunks | 1) * kTokenChunk;
  static constexpr int kTileBytes = kKeyTile * kStride;
  static constexpr int kStageBytes = 2 * kTileBytes;  ///< keys, values
  static constexpr int kTerms = kKeyStages * kStageBytes;
  static constexpr int kTermBytes = kKeyTile * 4;
  /// The last step of an odd number of chunks reads one chunk past a token, and takes it times 0.
  static constexpr int kBytes = kTerms + 2 * kTermBytes + kTokenChunk;
  /// Where few keys are, all of them are there at once, and threads wait for each other twice.
  static constexpr int kMostResident = 55 << 10;
  CQ_DEVICE static constexpr int resident_bytes(int tiles) {
    return tiles * (2 * kTileBytes + kTermBytes) + kTokenChunk;
  }
  CQ_DEVICE static constexpr bool is_resident(int64_t keys) {
    return keys <= kMostResident &&
           resident_bytes(int(keys + kKeyTile - 1) / kKeyTile) <= kMostResident;
  }
  /// Scores stay below 2^22. They are then counted from kRounderBits on, so that their bits are
  /// those of a float that is kRounder more.
  static constexpr bool kSmallScores = kChunks <= 8;
  static constexpr int32_t kLeastScore = kSmallScores ? 0 : -(1 << 30);

  struct Registers {
    uint32_t q[kSteps][4], b[4], pair[2];
    int32_t scores[kKeyTiles][4];
    uint32_t codes[kKeyTiles / 4][4];
    int32_t values[kChunks][2][4];
    int32_t most[2], own[2], count[2];
    float total[2], offset[2], steps[2], limit[2];
    int32_t term;
  };
};

struct AttentionIndex {
  int64_t query = 0, head = 0, image = 0;  ///< of the first query
};

/// What a block does with a tile of keys and values in shared memory.
template <int kChunks>
struct AttentionMath {
  using Shape = AttentionShape<kChunks>;
  using Registers = typename Shape::Registers;
  const DeviceAttention& a;
  const AttentionIndex& at;
  float exponent;  ///< of 2, of a score
  int tiles;       ///< of keys

  /// -zero point of the queries times the sum of each key.
  template <class Machine>
  CQ_DEVICE void make_terms(int stage, int terms, Machine& machine) const {
    machine.each([&](int thread, Registers& r) {
      r.term = 0;
      const int32_t* key = machine.words(stage + thread / kPerToken * Shape::kStride);
      struct alignas(kTokenChunk) Chunk {
        int32_t words[4];
      };
      CQ_UNROLL
      for (int i = 0; i < kChunks; i += kPerToken) {
        const int chunk = i + thread % kPerToken;
        if (chunk >= kChunks) continue;
        const Chunk four = *reinterpret_cast<const Chunk*>(key + chunk * 4);
        CQ_UNROLL
        for (int j = 0; j < 4; ++j) r.term = machine.count_signed(four.words[j], r.term);
      }
    });
    machine.template add_lanes<kPerToken>([](Registers& r) { return &r.term; });
    machine.each([&](int thread, Registers& r) {
      if (thread % kPerToken != 0) return;
      machine.words(terms)[thread / kPerToken] =
          r.term * -a.q_zero + (Shape::kSmallScores ? kRounderBits : 0);
    });
  }

  template <class Machine>
  CQ_DEVICE void make_scores(int stage, int terms, Machine& machine) const {
    machine.each([&](int thread, Registers& r) {
      struct alignas(8) Pair {
        int32_t of[2];
      };
      const int32_t* term = machine.words(terms) + thread % 4 * 2;
      CQ_UNROLL
      for (int n = 0; n < kKeyTiles; ++n) {
        const Pair pair = *reinterpret_cast<const Pair*>(term + n * 8);
        r.scores[n][0] = r.scores[n][2] = pair.of[0];
        r.scores[n][1] = r.scores[n][3] = pair.of[1];
      }
    });
    CQ_UNROLL
    for (int step = 0; step < Shape::kSteps; ++step) {
      CQ_UNROLL
      for (int n = 0; n < kKeyTiles; n += 2) {
        // Keys 0-7, first chunk and second; then keys 8-15.
        machine.load4(
            [=](int thread) {
              const int lane = thread % 32, key = n * 8 + lane / 16 * 8 + lane % 8;
              return stage + key * Shape::kStride + (step * 2 + lane / 8 % 2) * kTokenChunk;
            },
            [](Registers& r) { return r.b; });
        CQ_UNROLL
        for (int i = 0; i < 2; ++i) {
          machine.multiply([=](Registers& r) { return r.scores[n + i]; },
                           [=](Registers& r) { return r.q[step]; },
                           [=](Registers& r) { return r.b + i * 2; });
        }
      }
    }
  }

  CQ_DEVICE bool is_there(int tile, int thread, int n, int i) const {
    return int64_t(tile) * kKeyTile + n * 8 + thread % 4 * 2 + i % 2 < a.keys;
  }

  static CQ_DEVICE float value(int32_t score) {
    return Shape::kSmallScores ? std::bit_cast<float>(score) : float(score);
  }
  /// 2^(exponent (score - most)) is scale 2^(exponent value(score) + offset): the offset's rounding
  /// is large where values are, and the same for all scores.
  struct Exponential {
    float offset, scale;
  };
  template <class Machine>
  CQ_DEVICE Exponential below(int32_t most, const Machine& machine) const {
    const float offset = -(value(most) * exponent);
    return {offset, machine.exp2(-fmaf(value(most), exponent, offset))};
  }

  /// Joins a tile's scores to the largest and the sum of this thread's keys.
  template <bool kWhole, class Machine>
  CQ_DEVICE void join(int tile, int thread, Registers& r, const Machine& machine) const {
    CQ_UNROLL
    for (int half = 0; half < 2; ++half) {
      int32_t most = tile > 0 ? r.most[half] : Shape::kLeastScore;
      CQ_UNROLL
      for (int i = 0; i < kKeyTiles * 2; ++i) {
        const int32_t score = r.scores[i / 2][half * 2 + i % 2];
        if (kWhole || is_there(tile, thread, i / 2, i)) most = score > most ? score : most;
      }
      const auto e = below(most, machine);
      float total = 0;
      CQ_UNROLL
      for (int i = 0; i < kKeyTiles * 2; ++i) {
        const float score = value(r.scores[i / 2][half * 2 + i % 2]);
        if (!kWhole && !is_there(tile, thread, i / 2, i)) continue;
        total += machine.exp2(fmaf(score, exponent, e.offset));
      }
      total *= e.scale;
      if (tile > 0) total = fmaf(r.total[half], fall(r.most[half], most, machine), total);
      r.most[half] = most;
      r.total[half] = total;
    }
  }
  /// 2^(exponent (from - to)).
  template <class Machine>
  CQ_DEVICE float fall(int32_t from, int32_t to, const Machine& machine) const {
    return machine.exp2((value(from) - value(to)) * exponent);
  }

  /// Scores to codes, four to a word in the order of mma's left operand.
  template <bool kWhole, class Machine>
  CQ_DEVICE void encode(int tile, int thread, Registers& r, const Machine& machine) const {
    const uint32_t zero = uint32_t(a.range.zero_point) * 0x01010101U;
    CQ_UNROLL
    for (int i = 0; i < kKeyTiles; ++i) {
      // Word i % 4 of step i / 4: row i % 2, its keys those of two tiles.
      const int half = i % 2, first = i / 4 * 4 + i % 4 / 2 * 2;
      uint32_t bits[4], there = 0;
      CQ_UNROLL
      for (int j = 0; j < 4; ++j) {
        const float score = value(r.scores[first + j / 2][half * 2 + j % 2]);
        const float e = machine.exp2(fmaf(score, exponent, r.offset[half]));
        bits[j] = std::bit_cast<uint32_t>(fmaf(fminf(e, r.limit[half]), r.steps[half], kRounder));
        if (!kWhole && is_there(tile, thread, first + j / 2, j)) there |= 0xFFU << (8 * j);
      }
      uint32_t word = machine.select(machine.select(bits[0], bits[1], 0x0040),
                                     machine.select(bits[2], bits[3], 0x0040), 0x5410) +
                      zero;
      if (!kWhole) word &= there;
      r.codes[i / 4][i % 4] = word;
      r.count[half] = machine.count_unsigned(word, r.count[half]);
    }
  }

  template <class Machine>
  CQ_DEVICE void multiply_values(int values, Machine& machine) const {
    CQ_UNROLL
    for (int step = 0; step < kKeyTiles / 4; ++step) {
      CQ_UNROLL
      for (int chunk = 0; chunk < kChunks; ++chunk) {
        // Of four tiles of eight keys: a thread gets two channels of two keys of each.
        machine.load4_transposed(
            [=](int thread) {
              return values + (step * 32 + thread % 32) * Shape::kStride + chunk * kTokenChunk;
            },
            [](Registers& r) { return r.b; });
        CQ_UNROLL
        for (int odd = 0; odd < 2; ++odd) {
          machine.each([&](int, Registers& r) {
            const uint32_t bytes = odd == 0 ? 0x6420 : 0x7531;
            r.pair[0] = machine.select(r.b[0], r.b[1], bytes);
            r.pair[1] = machine.select(r.b[2], r.b[3], bytes);
          });
          machine.multiply([=](Registers& r) { return r.values[chunk][odd]; },
                           [=](Registers& r) { return r.codes[step]; },
                           [](Registers& r) { return r.pair; });
        }
      }
    }
  }

  /// The largest score and the sum of a query's keys, which four threads have.
  template <class Machine>
  CQ_DEVICE void join_quads(Machine& machine) const {
    CQ_UNROLL
    for (int half = 0; half < 2; ++half) {
      machine.each([=](int, Registers& r) { r.own[half] = r.most[half]; });
      machine.most_quads([=](Registers& r) { return &r.most[half]; });
      machine.each(
          [&](int, Registers& r) { r.total[half] *= fall(r.own[half], r.most[half], machine); });
      machine.template add_lanes<4>([=](Registers& r) { return &r.total[half]; });
      machine.each([&](int, Registers& r) {
        const auto e = below(r.most[half], machine);
        r.offset[half] = e.offset;
        r.steps[half] = a.range.inverse_scale / r.total[half] * e.scale;
        r.limit[half] = float(a.range.top - a.range.zero_point) / r.steps[half];
      });
    }
  }
};

}  // namespace cq::kernels::cuda
