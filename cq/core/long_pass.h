#pragma once
// Long passes over denoising steps, which a signal may end and a later call takes up again.
#include <functional>
#include <map>
#include <string>

#include "cq/core/tensor.h"

namespace cq {

using NamedTensors = std::map<std::string, at::Tensor>;

/// What a long pass reports to, and what it goes on from.
struct PassControl {
  /// What an earlier call with the same arguments had when it ended, for the pass to write into;
  /// empty: the pass begins. The result is the same to the bit.
  NamedTensors left = {};
  /// Called after each step; may throw to end the pass. Where it could be taken up from here,
  /// `state` gives what `left` has to be for that; elsewhere it is empty.
  std::function<void(const std::function<NamedTensors()>& state)> step_done = {};

  /// The count "next" of what is left, 0 where the pass begins.
  int64_t next() const { return left.empty() ? 0 : left.at("next").item<int64_t>(); }
  void done(const std::function<NamedTensors()>& state = {}) const {
    if (step_done) step_done(state);
  }
};

}  // namespace cq
