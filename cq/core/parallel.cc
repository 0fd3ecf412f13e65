#include "cq/core/parallel.h"

#include <algorithm>
#include <atomic>
#include <memory>

#include <ATen/Parallel.h>

namespace cq {

namespace {

struct Span {
  uint32_t first, last;
};

/// What a thread has still to do, taken from the front by itself and from the back by others.
class alignas(64) Share {
 public:
  void set(Span s) { span_ = pack(s); }

  /// A part of 1 / `divisor` of what is left, at least `grain`; empty where nothing is.
  Span take(uint32_t grain, uint32_t divisor, bool front) {
    uint64_t seen = span_;
    for (;;) {
      const Span s = unpack(seen);
      const uint32_t left = s.last - s.first;
      const uint32_t count = std::min(left, std::max(grain, left / divisor));
      const Span taken = front ? Span{s.first, s.first + count} : Span{s.last - count, s.last};
      const Span rest = front ? Span{taken.last, s.last} : Span{s.first, taken.first};
      if (count == 0 || span_.compare_exchange_weak(seen, pack(rest))) return taken;
    }
  }

 private:
  static uint64_t pack(Span s) { return uint64_t(s.first) << 32 | s.last; }
  static Span unpack(uint64_t v) { return {uint32_t(v >> 32), uint32_t(v)}; }
  std::atomic<uint64_t> span_{0};
};

}  // namespace

void parallel_for(int64_t begin, int64_t end, int64_t grain,
                  c10::function_ref<void(int64_t first, int64_t last)> body) {
  constexpr int64_t kMost = int64_t(1) << 32;
  const int64_t count = end - begin, threads = at::get_num_threads();
  const int64_t shares = std::min(threads, (count + grain - 1) / std::max<int64_t>(1, grain));
  if (shares <= 1 || count >= kMost || at::in_parallel_region()) {
    at::parallel_for(begin, end, grain, body);
    return;
  }
  const auto left = std::make_unique<Share[]>(size_t(shares));
  for (int64_t t = 0; t < shares; ++t) {
    left[size_t(t)].set({uint32_t(count * t / shares), uint32_t(count * (t + 1) / shares)});
  }
  const auto part = uint32_t(std::max<int64_t>(1, grain));
  const auto work = [&](int64_t own) {
    for (int64_t i = 0; i < shares; ++i) {
      const bool front = i == 0;
      for (;;) {
        const Span s = left[size_t((own + i) % shares)].take(part, front ? 4 : 2, front);
        if (s.first == s.last) break;
        body(begin + s.first, begin + s.last);
      }
    }
  };
  at::parallel_for(0, shares, 1, [&](int64_t first, int64_t last) {
    for (int64_t t = first; t < last; ++t) work(t);
  });
}

}  // namespace cq
