#pragma once
// Attention of a block of queries: what attention_math.h computes, with all keys and values in
// shared memory, where they are few, or tiles of them in a ring.
#include "cq/core/kernels/cuda/attention_math.h"

namespace cq::kernels::cuda {

template <int kChunks>
struct AttentionTile : AttentionMath<kChunks> {
  using Math = AttentionMath<kChunks>;
  using Math::a;
  using Math::at;
  using Math::tiles;
  using typename Math::Registers;
  using typename Math::Shape;

  CQ_DEVICE const uint8_t* tokens(const DeviceAttention::Tokens& t, int64_t first) const {
    return t.codes + first * t.stride + at.head * a.head_stride;
  }

  /// A mask of the first `left` bytes of a word.
  static CQ_DEVICE uint32_t bytes_below(int left) {
    if (left >= 4) return 0xFFFFFFFFU;
    return left <= 0 ? 0 : (1U << (8 * left)) - 1;
  }

  CQ_DEVICE void load_queries(int thread, Registers& r) const {
    const int lane = thread % 32, row = thread / 32 * 16 + lane / 4;
    const uint8_t* first = tokens(a.q, at.image * a.queries + at.query);
    CQ_UNROLL
    for (int i = 0; i < Shape::kSteps * 4; ++i) {
      const int chunk = i / 4 * 2 + i % 4 / 2, query = row + i % 2 * 8;
      const bool there = chunk < kChunks && at.query + query < a.queries;
      const uint8_t* from = first + query * a.q.stride + chunk * kTokenChunk + lane % 4 * 4;
      // Beyond a query's width is its zero point, so that nothing is added of what keys have there.
      const uint32_t used = bytes_below(int(a.width) - chunk * kTokenChunk - lane % 4 * 4);
      const uint32_t zero = uint32_t(a.q_zero) * 0x01010101U & ~used;
      r.q[i / 4][i % 4] = there ? (*reinterpret_cast<const uint32_t*>(from) & used) | zero : 0;
    }
    CQ_UNROLL
    for (int i = 0; i < kChunks * 8; ++i) r.values[i / 8][i / 4 % 2][i % 4] = 0;
    r.count[0] = r.count[1] = 0;
  }

  template <class Machine>
  CQ_DEVICE void copy_tokens(const DeviceAttention::Tokens& t, int tile, int to, int thread,
                             Machine& machine) const {
    const uint8_t* first = tokens(t, at.image * a.keys + tile * kKeyTile);
    const int left = int(a.keys) - tile * kKeyTile, stride = int(t.stride);
    CQ_UNROLL
    for (int i = 0; i < kKeyTile * kChunks; i += kAttentionThreads) {
      const int token = int(unsigned(i + thread) / kChunks);
      const int chunk = i + thread - token * kChunks;
      if (kKeyTile * kChunks % kAttentionThreads != 0 && token >= kKeyTile) continue;
      const bool there = token < left;
      machine.copy(to + token * Shape::kStride + chunk * kTokenChunk,
                   there ? first + token * stride + chunk * kTokenChunk : t.codes, there);
    }
  }

  /// Channels 4 (thread % 4) to + 3 of a chunk, of one of the thread's two queries.
  template <class Machine>
  CQ_DEVICE void store_chunk(int chunk, int half, int thread, Registers& r,
                             const Machine& machine) const {
    const int channel = chunk * kTokenChunk + thread % 4 * 4;
    const int64_t query = at.query + thread / 32 * 16 + thread % 32 / 4 + half * 8;
    if (query >= a.queries || channel >= a.width) return;
    const int64_t row = at.image * a.queries + query;
    const int64_t column = at.head * a.width + channel;
    const auto codes = float(r.count[half] - int32_t(a.keys) * a.range.zero_point);
    float y[4];
    CQ_UNROLL
    for (int j = 0; j < 4; ++j) {
      const int32_t sum = r.values[chunk][j % 2][half * 2 + j / 2];
      y[j] = float(sum) * a.sum_factor;
      if (a.bias != nullptr && channel + j < a.width) {
        y[j] += a.bias[(at.image * a.heads + at.head) * a.width + channel + j];
      }
      y[j] = fmaf(codes, a.row_factor, y[j]);
    }
    const int count = a.width - channel < 4 ? int(a.width - channel) : 4;
    if (a.out) {
      float* to = a.out.row(row) + column;
      CQ_UNROLL
      for (int j = 0; j < 4; ++j) {
        if (j < count) to[j] = y[j];
      }
      return;
    }
    const Encoder encoder = encoder_of(a.codes.range);
    uint8_t* to = a.codes.codes.row(row) + column;
    uint32_t word = 0;
    CQ_UNROLL
    for (int j = 0; j < 4; ++j) {
      if (j >= count) continue;
      const int32_t code = encoder(y[j] * a.codes.range.inverse_scale);
      r.own[half] += code - a.codes.range.zero_point;
      word |= uint32_t(code) << (8 * j);
    }
    machine.store_bytes(to, word, count);
  }

  template <class Machine>
  CQ_DEVICE void store(Machine& machine) const {
    CQ_UNROLL
    for (int half = 0; half < 2; ++half) {
      machine.template add_lanes<4>([=](Registers& r) { return &r.count[half]; });
      machine.each([&](int thread, Registers& r) {
        r.own[half] = 0;
        CQ_UNROLL
        for (int chunk = 0; chunk < kChunks; ++chunk) store_chunk(chunk, half, thread, r, machine);
      });
      if (a.codes.sums == nullptr) continue;
      machine.template add_lanes<4>([=](Registers& r) { return &r.own[half]; });
      machine.each([&](int thread, Registers& r) {
        const int64_t query = at.query + thread / 32 * 16 + thread % 32 / 4 + half * 8;
        if (thread % 4 != 0 || query >= a.queries) return;
        machine.add(a.codes.sums + at.image * a.queries + query, r.own[half]);
      });
    }
  }

  /// Where a round's keys, values and terms lie.
  struct Place {
    int keys, values, terms;
  };

  /// A ring of tiles, the next ones on their way; keys come twice.
  struct Ring {
    int begun = 0, filled = 0;
    Place place = {0, Shape::kTileBytes, Shape::kTerms};
  };
  static CQ_DEVICE int next(int stage) {
    return stage == (kKeyStages - 1) * Shape::kStageBytes ? 0 : stage + Shape::kStageBytes;
  }
  template <class Machine>
  CQ_DEVICE void begin(Ring& ring, Machine& machine) const {
    if (ring.begun < 2 * tiles) {
      const bool second = ring.begun >= tiles;
      const int tile = second ? ring.begun - tiles : ring.begun;
      machine.each([&](int thread, Registers&) {
        copy_tokens(a.k, tile, ring.filled, thread, machine);
        if (second) copy_tokens(a.v, tile, ring.filled + Shape::kTileBytes, thread, machine);
      });
      ring.filled = next(ring.filled);
    }
    ++ring.begun;
    machine.commit();
  }
  template <class Machine>
  CQ_DEVICE Place take(Ring& ring, int round, Machine& machine) const {
    machine.template wait<kKeyStages - 2>();
    machine.barrier();
    begin(ring, machine);
    const Place place = ring.place;
    this->make_terms(place.keys, place.terms, machine);
    machine.barrier();
    ring.place.keys = next(place.keys);
    ring.place.values = ring.place.keys + Shape::kTileBytes;
    ring.place.terms = Shape::kTerms + (round + 1) % 2 * Shape::kTermBytes;
    return place;
  }

  /// All at once: keys, values, terms.
  CQ_DEVICE Place resident_place(int tile) const {
    return {tile * Shape::kTileBytes, (tiles + tile) * Shape::kTileBytes,
            2 * tiles * Shape::kTileBytes + tile * Shape::kTermBytes};
  }
  template <class Machine>
  CQ_DEVICE void begin_resident(Machine& machine) const {
    for (int part = 0; part < 2; ++part) {
      for (int tile = 0; tile < tiles; ++tile) {
        const Place place = resident_place(tile);
        machine.each([&](int thread, Registers&) {
          copy_tokens(part == 0 ? a.k : a.v, tile, part == 0 ? place.keys : place.values, thread,
                      machine);
        });
      }
      machine.commit();
    }
  }
  template <class Machine>
  CQ_DEVICE Place take_resident(int round, Machine& machine) const {
    if (round == 0) {
      machine.template wait<1>();
      machine.barrier();
      for (int tile = 0; tile < tiles; ++tile) {
        this->make_terms(resident_place(tile).keys, resident_place(tile).terms, machine);
      }
      machine.barrier();
    } else if (round == tiles) {
      machine.template wait<0>();
      machine.barrier();
    }
    return resident_place(round % tiles);
  }

  template <class Machine>
  CQ_DEVICE void run(Machine& machine) const {
    const bool resident = Shape::is_resident(a.keys);
    Ring ring;
    if (resident) {
      begin_resident(machine);
    } else {
      for (int i = 0; i < kKeyStages - 1; ++i) begin(ring, machine);
    }
    machine.each([&](int thread, Registers& r) { load_queries(thread, r); });
    for (int round = 0; round < 2 * tiles; ++round) {
      const Place place = resident ? take_resident(round, machine) : take(ring, round, machine);
      this->make_scores(place.keys, place.terms, machine);
      const bool second = round >= tiles;
      const int tile = second ? round - tiles : round;
      const bool whole = int64_t(tile + 1) * kKeyTile <= a.keys;
      if (!second) {
        machine.each([&](int thread, Registers& r) {
          if (whole) {
            this->template join<true>(tile, thread, r, machine);
          } else {
            this->template join<false>(tile, thread, r, machine);
          }
        });
        if (round == tiles - 1) this->join_quads(machine);
      } else {
        machine.each([&](int thread, Registers& r) {
          if (whole) {
            this->template encode<true>(tile, thread, r, machine);
          } else {
            this->template encode<false>(tile, thread, r, machine);
          }
        });
        this->multiply_values(place.values, machine);
      }
    }
    store(machine);
  }
};

template <int kChunks, class Machine>
CQ_DEVICE void attention_tile(const DeviceAttention& a, const AttentionIndex& at,
                              Machine& machine) {
  const AttentionTile<kChunks> tile{
      {a, at, a.factor * kLog2E, int((a.keys + kKeyTile - 1) / kKeyTile)}};
  tile.run(machine);
}

}  // namespace cq::kernels::cuda
