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

/// A block of kThreads threads.
class EmulatedBlock {
 public:
  explicit EmulatedBlock(Landing landing)
      : landing_(landing), shared_(size_t(kStages * kStageBytes), 0xEE), threads_(kThreads) {}

  template <class Body>
  void each(const Body& body) {
    for (int t = 0; t < kThreads; ++t) body(t, threads_[size_t(t)]);
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

  /// "Warp-level matrix load instruction: ldmatrix": thread t of a warp gives the address of row
  /// t % 8 of matrix t / 8 and receives, of each matrix, 4 bytes of row t / 4 from byte 4 (t % 4).
  template <class Offset, class To>
  void load4(const Offset& offset, const To& to) {
    for (int warp = 0; warp < kThreads; warp += 32) {
      for (int lane = 0; lane < 32; ++lane) {
        for (int matrix = 0; matrix < 4; ++matrix) {
          const int row = offset(warp + matrix * 8 + lane / 4);
          std::memcpy(to(threads_[size_t(warp + lane)]) + matrix,
                      shared_.data() + row + lane % 4 * 4, 4);
        }
      }
    }
  }

  /// "Matrix fragments for mma.m16n8k32": with group = lane / 4 and place = lane % 4, byte i of a
  /// thread's A is row group (+ 8 where 4 <= i < 8 or i >= 12), column 4 place + i % 4 (+ 16 where
  /// i >= 8); of its B row 4 place + i % 4 (+ 16 where i >= 4), column group; sum i is row group
  /// (+ 8 where i >= 2), column 2 place + i % 2.
  void multiply(int mi, int ni) {
    for (size_t warp = 0; warp < kThreads; warp += 32) {
      std::array<std::array<int32_t, 32>, 16> a{};
      std::array<std::array<int32_t, 8>, 32> b{};
      for (size_t lane = 0; lane < 32; ++lane) {
        const auto& r = threads_[warp + lane];
        const size_t group = lane / 4, place = lane % 4;
        uint8_t a_bytes[16];
        int8_t b_bytes[8];
        std::memcpy(a_bytes, r.a[mi], 16);
        std::memcpy(b_bytes, r.b[ni / 2] + ni % 2 * 2, 8);
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
            threads_[warp + lane].sums[mi][ni][i] += a[row][k] * b[k][column];
          }
        }
      }
    }
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

  Landing landing_;
  std::vector<uint8_t> shared_;
  std::vector<Registers> threads_;
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
          EmulatedBlock block(landing_);
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
  Landing landing_;
};

}  // namespace cq::kernels::cuda
