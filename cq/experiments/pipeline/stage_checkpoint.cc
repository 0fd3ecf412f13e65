#include "cq/experiments/pipeline/stage_checkpoint.h"

#include <algorithm>
#include <utility>

#include "cq/base/interrupt.h"
#include "cq/experiments/pipeline/stage_files.h"

namespace cq {

namespace {

/// Pause between two writings, in units of the time that one takes.
constexpr int kPause = 20;

}  // namespace

StageCheckpoint::StageCheckpoint(StageFolder& folder)
    : folder_(folder), file_(folder.checkpoint() / "state.safetensors") {}

PassControl StageCheckpoint::pass(std::function<void(NamedTensors& state)> more) {
  more_ = std::move(more);
  PassControl control;
  if (std::filesystem::exists(file_)) control.left = load_tensors(file_);
  // The pass writes into these, and the file is written again meanwhile.
  for (auto& [name, tensor] : control.left) tensor = tensor.clone();
  control.step_done = [this](const auto& state) { step_done(state); };
  return control;
}

void StageCheckpoint::step_done(const std::function<NamedTensors()>& state) {
  folder_.bar().add(1);
  const bool due = std::chrono::steady_clock::now() - left_at_ >= pause_;
  if (state && (due || interrupt_signal() != 0)) leave(state());
  throw_if_interrupted();
}

void StageCheckpoint::leave(NamedTensors state) {
  const auto start = std::chrono::steady_clock::now();
  if (more_) more_(state);
  for (auto& [name, tensor] : state) tensor = tensor.cpu().contiguous();
  save_tensors(file_, state);
  left_at_ = std::chrono::steady_clock::now();
  pause_ = std::max(pause_, kPause * (left_at_ - start));
}

}  // namespace cq
