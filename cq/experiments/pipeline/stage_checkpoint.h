#pragma once
#include <chrono>
#include <filesystem>
#include <functional>

#include "cq/core/long_pass.h"
#include "cq/experiments/harness/stage.h"

namespace cq {

/// What a stage that is one long pass has so far, in its checkpoint folder: left there at a signal
/// and now and then, so seldom that writing takes a twentieth of the time at most.
class StageCheckpoint {
 public:
  explicit StageCheckpoint(StageFolder& folder);

  /// Ticks the stage's bar at each step and throws Interrupted at a signal. `more` adds to what the
  /// pass leaves. Refers to this object.
  PassControl pass(std::function<void(NamedTensors& state)> more = {});

 private:
  void step_done(const std::function<NamedTensors()>& state);
  void leave(NamedTensors state);

  StageFolder& folder_;
  std::filesystem::path file_;
  std::function<void(NamedTensors&)> more_;
  std::chrono::steady_clock::time_point left_at_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::duration pause_ = std::chrono::seconds(5);
};

}  // namespace cq
