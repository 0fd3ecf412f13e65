#include "cq/experiments/training/trainer.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <cpuinfo.h>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "cq/base/interrupt.h"
#include "cq/base/log.h"
#include "cq/base/progress.h"
#include "cq/core/io/safetensors.h"

namespace cq {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// bfloat16 arithmetic while it lives, where the device has it.
class Autocast {
 public:
  Autocast(const at::Device& device, const std::string& precision) : type_(device.type()) {
    const bool native =
        device.is_cuda() ||
        (cpuinfo_initialize() && (cpuinfo_has_x86_avx512bf16() || cpuinfo_has_x86_amx_bf16()));
    on_ = precision == "bfloat16" || (precision == "auto" && native);
    at::autocast::set_autocast_dtype(type_, at::kBFloat16);
    at::autocast::set_autocast_enabled(type_, on_);
  }
  ~Autocast() {
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(type_, false);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  at::DeviceType type_;
  bool on_;
};

/// Has a GPU compute the same bits every time while it lives: of two algorithms for a gradient the
/// faster one may add in any order.
class RepeatableGpu {
 public:
  explicit RepeatableGpu(const at::Device& device)
      : on_(device.is_cuda()),
        convolutions_(at::globalContext().deterministicCuDNN()),
        attention_(at::globalContext().userEnabledCuDNNSDP()) {
    if (on_) set(true, false);
  }
  ~RepeatableGpu() {
    if (on_) set(convolutions_, attention_);
  }
  RepeatableGpu(const RepeatableGpu&) = delete;
  RepeatableGpu& operator=(const RepeatableGpu&) = delete;

 private:
  static void set(bool deterministic, bool cudnn_attention) {
    at::globalContext().setDeterministicCuDNN(deterministic);
    at::globalContext().setSDPUseCuDNN(cudnn_attention);
  }
  bool on_, convolutions_, attention_;
};

/// Losses and gradients' norms since the last row of the log, added up on the device: a GPU that
/// had to hand over every step's would wait for the CPU to prepare the next.
class Tally {
 public:
  explicit Tally(const at::Device& device)
      : options_(at::TensorOptions(at::kDouble).device(device)) {
    reset();
  }
  void reset() {
    losses_ = at::zeros({}, options_);
    norms_ = at::zeros({}, options_);
    count_ = 0;
  }
  void add(const at::Tensor& loss, const at::Tensor& norm) {
    losses_.add_(loss.detach());
    norms_.add_(norm);
    last_norm_ = norm;
    ++count_;
  }
  struct Row {
    double mean_loss, norm;
    int64_t steps;
  };
  /// Waits for the device. Throws RunError where a gradient since the last row was not finite.
  Row read() const {
    const auto sums = at::stack({losses_, norms_, last_norm_}).cpu();
    const auto* value = sums.const_data_ptr<double>();
    check_gradient_norm(value[1]);
    return {value[0] / double(count_), value[2], count_};
  }

 private:
  at::TensorOptions options_;
  at::Tensor losses_, norms_, last_norm_;
  int64_t count_ = 0;
};

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// Everything that the next step depends on.
NamedTensors state_of(const TrainingTask& task, const Optimizer& optimizer) {
  auto state = optimizer.state();
  for (const auto& [name, value] : task.buffers()) state.emplace_back("buffer." + name, value);
  return state;
}

int64_t restore(const NamedTensors& state, const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return 0;
  const auto stored = SafeTensors::open(file);
  c10::NoGradGuard no_grad;
  for (const auto& [name, value] : state) {
    if (!stored.contains(name) || stored.tensor(name).sizes() != value.sizes()) {
      throw RunError(
          "{}: '{}' does not fit the network that is trained; train in another folder "
          "(name=...) or delete the checkpoint",
          file.string(), name);
    }
    value.copy_(stored.tensor(name));
  }
  const auto found = stored.metadata().find("step");
  if (found == stored.metadata().end()) {
    throw RunError("{}: no `step` in its metadata, so it is no checkpoint of a training",
                   file.string());
  }
  return std::stoll(found->second);
}

/// Puts the averaged weights in place for a scope.
class WithAverages {
 public:
  explicit WithAverages(const Optimizer& optimizer) : optimizer_(optimizer) { swap(); }
  ~WithAverages() { swap(); }
  WithAverages(const WithAverages&) = delete;
  WithAverages& operator=(const WithAverages&) = delete;

 private:
  // By value, not by pointer, because units and fused parameters hold views of the leaves.
  void swap() {
    c10::NoGradGuard no_grad;
    for (size_t i = 0; i < optimizer_.leaves().size(); ++i) {
      auto leaf = optimizer_.leaves()[i].detach();
      auto average = optimizer_.ema()[i];
      const auto kept = leaf.clone();
      leaf.copy_(average);
      average.copy_(kept);
    }
  }
  const Optimizer& optimizer_;
};

/// The file of losses up to and including row `step`: rows that a killed run wrote after its last
/// checkpoint come again.
std::ofstream open_losses(const std::filesystem::path& file, int64_t step) {
  std::string kept = "step,images,loss,gradient_norm,learning_rate,images_per_second\n";
  if (step > 0 && std::filesystem::exists(file)) {
    std::istringstream old(read_text(file));
    std::string row;
    for (std::getline(old, row); std::getline(old, row);) {
      if (std::strtoll(row.c_str(), nullptr, 10) <= step) kept += row + "\n";
    }
  }
  write_atomically(file, kept);
  return std::ofstream(file, std::ios::app);
}

}  // namespace

std::vector<int64_t> epoch_batch(int64_t size, int64_t batch, int64_t step, uint64_t seed) {
  const int64_t per_epoch = size / batch, epoch = step / per_epoch, at = step % per_epoch;
  // A Feistel network permutes 0..2^2h-1 without a table; indices beyond `size` walk on.
  int half = 1;
  while ((int64_t(1) << (2 * half)) < size) ++half;
  const uint64_t mask = (uint64_t(1) << half) - 1;
  const auto permute = [&](uint64_t value) {
    uint64_t left = value >> half, right = value & mask;
    for (uint64_t round = 0; round < 6; ++round) {
      uint64_t mix = right + 0x9E3779B97F4A7C15ull * (seed + 1) +
                     uint64_t(epoch) * 0xD1B54A32D192ED03ull + round * 0x8CB92BA72F3D8DD7ull;
      mix = (mix ^ (mix >> 30)) * 0xBF58476D1CE4E5B9ull;
      mix = (mix ^ (mix >> 27)) * 0x94D049BB133111EBull;
      const uint64_t next = left ^ ((mix ^ (mix >> 31)) & mask);
      left = right;
      right = next;
    }
    return (left << half) | right;
  };
  std::vector<int64_t> picked;
  for (int64_t i = at * batch; i < (at + 1) * batch; ++i) {
    uint64_t value = permute(uint64_t(i));
    while (value >= uint64_t(size)) value = permute(value);
    picked.push_back(int64_t(value));
  }
  return picked;
}

void train(TrainingTask& task, const TrainingConfig& c, const at::Device& device,
           const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const auto checkpoint = folder / "checkpoint.safetensors";
  for (const auto& leaf : task.trainable()) leaf.set_requires_grad(true);
  Optimizer optimizer(task.trainable(), c.optimizer);
  const auto state = state_of(task, optimizer);
  int64_t step = restore(state, checkpoint);
  if (step > 0) log_info("going on from step {} of {}", step, checkpoint.string());
  std::ofstream csv = open_losses(folder / "losses.csv", step);
  const auto save = [&] {
    write_safetensors(checkpoint, state, {{"step", std::to_string(step)}});
    const WithAverages averages(optimizer);
    task.export_weights(folder / "weights.safetensors", step);
  };

  const RepeatableGpu repeatable(device);
  Progress progress;
  const auto bar = progress.start(folder.filename().string());
  bar->expect(c.steps * c.batch, "images", step * c.batch);
  const auto start = Clock::now();
  auto logged = start;
  Tally tally(device);
  for (bool stop = false; step < c.steps && !stop;) {
    const double rate = c.learning_rate * cosine_schedule(step, c.warmup, c.steps, c.final_rate);
    at::Tensor loss;
    {
      const Autocast autocast(device, c.precision);
      loss = task.loss(step);
    }
    loss.backward();
    // The average follows the young weights closely at first, as the reference EMA classes do.
    const double decay = std::min(c.ema_decay, double(1 + step) / double(10 + step));
    tally.add(loss, optimizer.step(rate, decay));
    ++step;
    bar->set(step * c.batch);
    stop = interrupt_signal() != 0 ||
           (c.stop_after > 0 && seconds_since(start) > double(c.stop_after));
    const bool saves = step % c.checkpoint_every == 0 || step == c.steps || stop;
    if (step % c.log_every == 0) {
      const auto row = tally.read();
      const double speed = double(row.steps * c.batch) / seconds_since(logged);
      csv << fmt::format("{},{},{:.5f},{:.4f},{:.3e},{:.1f}\n", step, step * c.batch, row.mean_loss,
                         row.norm, rate, speed)
          << std::flush;
      log_info("step {}/{}: loss {:.4f}, {:.1f} images/s", step, c.steps, row.mean_loss, speed);
      tally.reset();
      logged = Clock::now();
    } else if (saves) {
      tally.read();  // nothing broken is kept
    }
    if (saves) save();
    if (step % c.evaluate_every == 0 || step == c.steps) {
      c10::NoGradGuard no_grad;
      const WithAverages averages(optimizer);
      log_info("step {}: {}", step, task.evaluate(step, folder));
      logged = Clock::now();
    }
  }
  throw_if_interrupted();
}

}  // namespace cq
