#pragma once
// Runs the device code of cq/core/kernels/cuda on the CPU: the same text, with a warp's threads and
// a block's shared memory played by arrays. What the hardware's instructions do (ldmatrix, mma,
// cp.async) is written here from the PTX manual, apart from the code under test.
#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <stdexcept>
#include <vector>

#include "cq/core/kernels/cuda/attention_tile.h"
#include "cq/core/kernels/cuda/norm_programs.h"
#include "cq/core/kernels/cuda/point_programs.h"
#include "cq/core/kernels/cuda/product_tile.h"
#include "cq/core/kernels/cuda/row_programs.h"

namespace cq::kernels::cuda {

/// 32 threads that go through a row with a stride of 32 and add up as shuffles do.
struct EmulatedWarp {
  static constexpr int64_t kLanes = 32;

  template <class Body>
  void each(int64_t n, const Body& body) const {
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      for (int64_t i = lane; i < n; i += kLanes) body(i);
    }
  }
  template <class T, class Value>
  T sum(int64_t n, const Value& value) const {
    std::array<T, kLanes> lanes{};
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      for (int64_t i = lane; i < n; i += kLanes) lanes[size_t(lane)] += value(i);
    }
    return together(lanes, [](T a, T b) { return a + b; });
  }
  template <class T, class Value>
  T most(int64_t n, const Value& value) const {
    std::array<T, kLanes> lanes{};
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      lanes[size_t(lane)] = value(0);
      for (int64_t i = lane; i < n; i += kLanes) {
        lanes[size_t(lane)] = std::max(lanes[size_t(lane)], T(value(i)));
      }
    }
    return together(lanes, [](T a, T b) { return std::max(a, b); });
  }
  static constexpr int64_t most_kept() { return 64; }
  using Kept = std::vector<Quad>;
  template <class Load>
  Kept keep(int64_t n, const Load& load) const {
    Kept kept;
    for (int64_t i = 0; i < n; ++i) kept.push_back(load(i));
    return kept;
  }
  template <class T, class Value>
  T sum_kept(const Kept& kept, int64_t n, const Value& value) const {
    return sum<T>(n, [&](int64_t i) { return value(kept[size_t(i)], i); });
  }
  template <class Body>
  void once(const Body& body) const {
    body();
  }

 private:
  template <class T, class Merge>
  static T together(std::array<T, kLanes> lanes, const Merge& merge) {
    for (size_t step = kLanes / 2; step > 0; step /= 2) {
      const auto before = lanes;
      for (size_t l = 0; l < kLanes; ++l) lanes[l] = merge(before[l], before[l ^ step]);
    }
    return lanes[0];
  }
};

/// When asynchronous copies land: as soon as they are begun, or only when somebody waits.
enum class Landing { early, late };

/// A block of threads with shared memory.
template <class R>
class EmulatedBlock {
 public:
  EmulatedBlock(Landing landing, int threads, int bytes)
      : landing_(landing), shared_(size_t(bytes), 0xEE), threads_(size_t(threads)) {}

  template <class Body>
  void each(const Body& body) {
    for (int t = 0; t < int(threads_.size()); ++t) body(t, threads_[size_t(t)]);
  }

  void copy(int offset, const void* from, bool there) {
    if (offset < 0 || offset + kChunk > int(shared_.size()) || offset % kChunk != 0) {
      throw std::logic_error("a copy to no place in shared memory");
    }
    if (reinterpret_cast<uintptr_t>(from) % kChunk != 0) {
      throw std::logic_error("a copy from an unaligned address");
    }
    Copy begun{offset, {}};
    if (there) std::memcpy(begun.bytes.data(), from, kChunk);
    open_.push_back(begun);
    if (landing_ == Landing::early) land(open_);
  }
  void commit() {
    groups_.push_back(std::move(open_));
    open_.clear();
  }
  template <int kLeft>
  void wait() {
    for (; groups_.size() > size_t(kLeft); groups_.pop_front()) land(groups_.front());
  }
  void barrier() {}
  int32_t* words(int offset) { return reinterpret_cast<int32_t*>(shared_.data() + offset); }

  /// "Warp-level matrix load instruction: ldmatrix": thread t of a warp gives the address of row
  /// t % 8 of matrix t / 8 and receives, of each matrix, 4 bytes of row t / 4 from byte 4 (t % 4).
  template <class Offset, class To>
  void load4(const Offset& offset, const To& to) {
    load(offset, to, [](int lane, int half) { return std::pair{lane / 4, lane % 4 * 2 + half}; });
  }
  /// With .trans the thread receives of column t / 4 the elements of rows 2 (t % 4) and the next.
  template <class Offset, class To>
  void load4_transposed(const Offset& offset, const To& to) {
    load(offset, to, [](int lane, int half) { return std::pair{lane % 4 * 2 + half, lane / 4}; });
  }

  /// "Matrix fragments for mma.m16n8k32": with group = lane / 4 and place = lane % 4, byte i of a
  /// thread's A is row group (+ 8 where 4 <= i < 8 or i >= 12), column 4 place + i % 4 (+ 16 where
  /// i >= 8); of its B row 4 place + i % 4 (+ 16 where i >= 4), column group; sum i is row group
  /// (+ 8 where i >= 2), column 2 place + i % 2.
  template <class D, class A, class B>
  void multiply(const D& sums, const A& left, const B& right) {
    for (size_t warp = 0; warp < threads_.size(); warp += 32) {
      std::array<std::array<int32_t, 32>, 16> a{};
      std::array<std::array<int32_t, 8>, 32> b{};
      for (size_t lane = 0; lane < 32; ++lane) {
        auto& r = threads_[warp + lane];
        const size_t group = lane / 4, place = lane % 4;
        uint8_t a_bytes[16];
        int8_t b_bytes[8];
        std::memcpy(a_bytes, left(r), 16);
        std::memcpy(b_bytes, right(r), 8);
        for (size_t i = 0; i < 16; ++i) {
          const size_t row = group + ((i >= 4 && i < 8) || i >= 12 ? 8 : 0);
          a[row][4 * place + i % 4 + (i >= 8 ? 16 : 0)] = a_bytes[i];
        }
        for (size_t i = 0; i < 8; ++i) {
          b[4 * place + i % 4 + (i >= 4 ? 16 : 0)][group] = b_bytes[i];
        }
      }
      for (size_t lane = 0; lane < 32; ++lane) {
        for (size_t i = 0; i < 4; ++i) {
          const size_t row = lane / 4 + (i >= 2 ? 8 : 0), column = 2 * (lane % 4) + i % 2;
          for (size_t k = 0; k < 32; ++k) {
            sums(threads_[warp + lane])[i] += a[row][k] * b[k][column];
          }
        }
      }
    }
  }

  template <int kLanes, class Of>
  void add_lanes(const Of& of) {
    among<kLanes>(of, [](auto a, auto b) { return a + b; });
  }
  template <class Of>
  void most_quads(const Of& of) {
    among<4>(of, [](auto a, auto b) { return std::max(a, b); });
  }

  static float exp2(float x) { return x < -126 ? 0 : std::exp2(x); }
  /// "prmt": byte i of the result is byte (selector >> 4 i) % 8 of b followed by a.
  static uint32_t select(uint32_t a, uint32_t b, uint32_t selector) {
    const uint64_t bytes = uint64_t(b) << 32 | a;
    uint32_t made = 0;
    for (int i = 0; i < 4; ++i) {
      made |= uint32_t(bytes >> (selector >> (4 * i) & 7) * 8 & 0xFF) << (8 * i);
    }
    return made;
  }
  static int32_t count_signed(int32_t word, int32_t sum) {
    for (int i = 0; i < 4; ++i) sum += int8_t(word >> (8 * i));
    return sum;
  }
  static int32_t count_unsigned(uint32_t word, int32_t sum) {
    for (int i = 0; i < 4; ++i) sum += uint8_t(word >> (8 * i));
    return sum;
  }
  static void add(int32_t* to, int32_t x) { *to += x; }
  static void store_bytes(uint8_t* to, uint32_t word, int count) {
    std::memcpy(to, &word, size_t(count));
  }

 private:
  struct Copy {
    int offset;
    std::array<uint8_t, kChunk> bytes;
  };
  void land(std::vector<Copy>& copies) {
    for (const auto& c : copies)
      std::copy(c.bytes.begin(), c.bytes.end(), &shared_[size_t(c.offset)]);
    copies.clear();
  }
  /// element(lane, half): row and column, of 16 bits, of the two that a thread receives.
  template <class Offset, class To, class Element>
  void load(const Offset& offset, const To& to, const Element& element) {
    for (int warp = 0; warp < int(threads_.size()); warp += 32) {
      for (int i = 0; i < 32 * 4 * 2; ++i) {
        const int lane = i / 8, matrix = i / 2 % 4, half = i % 2;
        const auto [row, column] = element(lane, half);
        auto* target = reinterpret_cast<uint8_t*>(to(threads_[size_t(warp + lane)]) + matrix);
        std::memcpy(target + half * 2,
                    &shared_.at(size_t(offset(warp + matrix * 8 + row))) + column * 2, 2);
      }
    }
  }
  template <size_t kLanes, class Of, class Merge>
  void among(const Of& of, const Merge& merge) {
    for (size_t first = 0; first < threads_.size(); first += kLanes) {
      auto all = *of(threads_[first]);
      for (size_t i = 1; i < kLanes; ++i) all = merge(all, *of(threads_[first + i]));
      for (size_t i = 0; i < kLanes; ++i) *of(threads_[first + i]) = all;
    }
  }

  Landing landing_;
  std::vector<uint8_t> shared_;
  std::vector<R> threads_;
  std::vector<Copy> open_;
  std::deque<std::vector<Copy>> groups_;
};

/// The launches of cuda_rows.cu and cuda_product.cu.
class EmulatedKernels : public DeviceKernels {
 public:
  explicit EmulatedKernels(Landing landing = Landing::late) : landing_(landing) {}
  std::string name() const override { return "CUDA code on the CPU"; }

  void product(const DeviceProduct& p) const override {
    for (TileIndex at; at.batch < p.batch; ++at.batch) {
      for (at.row = 0; at.row < p.rows; at.row += kTileRows) {
        for (at.column = 0; at.column < p.columns; at.column += kTileColumns) {
          EmulatedBlock<Registers> block(landing_, kThreads, kStages * kStageBytes);
          product_tile(p, at, block);
        }
      }
    }
  }
  void group_norm(const GroupNorm& n, int64_t images) const override {
    for (int64_t i = 0; i < images * group_norm_parts(n); ++i) {
      for (int64_t c = 0; c < n.channels(); ++c) group_norm_channel(n, i, c);
    }
    for (int64_t i = 0; i < images * n.groups; ++i) {
      group_norm_group(n, i / n.groups, i % n.groups, EmulatedWarp{});
    }
  }
  void activate(const DeviceActivate& a) const override {
    for (int64_t r = 0; r < a.rows; ++r) activate_row(a, r, EmulatedWarp{});
  }
  void layer_norm(const DeviceLayerNorm& n) const override {
    for (int64_t r = 0; r < n.rows; ++r) layer_norm_row(n, r, EmulatedWarp{});
  }
  void softmax(const Softmax& s, int64_t rows) const override {
    for (int64_t r = 0; r < rows; ++r) softmax_row(s, r, EmulatedWarp{});
  }
  void attention(const DeviceAttention& a) const override {
    attend<1>((a.width + kDeviceDepth - 1) / kDeviceDepth, a);
  }
  void tokens_last(const TokensLast& t) const override {
    for (int64_t c = 0; c < t.images * t.heads * t.width; ++c) {
      for (int64_t i = 0; i < t.out_tokens; i += kDeviceDepth) tokens_of_channel(t, c, i);
    }
  }
  void window_sums(const WindowSums& w, int64_t lines) const override {
    for (int64_t i = 0; i < lines * w.out_width; ++i)
      window_sum(w, i / w.out_width, i % w.out_width);
  }
  void decode(const Decode& d, int64_t rows) const override {
    for (int64_t i = 0; i < rows * d.channels; ++i) decode_value(d, i / d.channels, i % d.channels);
  }

 private:
  template <int kChunks>
  void attend(int64_t chunks, const DeviceAttention& a) const {
    if constexpr (kChunks < int(DeviceAttention::kMostWidth / kDeviceDepth)) {
      if (chunks > kChunks) return attend<kChunks + 1>(chunks, a);
    }
    using Shape = AttentionShape<kChunks>;
    for (AttentionIndex at; at.image < a.images; ++at.image) {
      for (at.head = 0; at.head < a.heads; ++at.head) {
        for (at.query = 0; at.query < a.queries; at.query += kAttentionRows) {
          const int tiles = int((a.keys + kKeyTile - 1) / kKeyTile);
          const bool resident = Shape::is_resident(a.keys);
          EmulatedBlock<typename Shape::Registers> block(
              landing_, kAttentionThreads, resident ? Shape::resident_bytes(tiles) : Shape::kBytes);
          attention_tile<kChunks>(a, at, block);
        }
      }
    }
  }

  Landing landing_;
};

}  // namespace cq::kernels::cuda
