// Workers on this machine: this process and as many more as are asked for.
#include <fmt/format.h>
#include <signal.h>

#include "cq/base/interrupt.h"
#include "cq/base/log.h"
#include "cq/base/process.h"
#include "cq/experiments/launchers/launcher.h"

namespace cq {
namespace {

struct LocalParameters {
  int64_t workers = 1;
};

class LocalLauncher : public Launcher {
 public:
  static constexpr const char* name = "local";
  static constexpr const char* doc = "processes on this machine, which share the cells";
  static constexpr const char* source = "";
  using Parameters = LocalParameters;
  static const config::Params<Parameters>& parameters() {
    static const auto params = config::Params<Parameters>().field(
        "workers", &Parameters::workers, "processes on this machine", {1, 1024});
    return params;
  }

  explicit LocalLauncher(const Parameters& p) : workers_(p.workers) {}

  void check() const override {}
  bool computes_here() const override { return true; }

  std::vector<std::optional<size_t>> tasks(const std::vector<size_t>&) const override {
    return std::vector<std::optional<size_t>>(static_cast<size_t>(workers_ - 1));
  }

  void start(Launch& launch) override {
    for (size_t task = 0; task < launch.header().tasks.size(); ++task) {
      std::vector<std::string> command{this_program(), "work", launch.folder().string(), "--task",
                                       std::to_string(task)};
      const auto& more = launch.header().arguments;
      command.insert(command.end(), more.begin(), more.end());
      const auto log = launch.logs() / fmt::format("worker-{}.txt", task);
      processes_.push_back(start_process(command, log));
    }
  }

  void finish() override {
    if (const int signal_number = interrupt_signal()) {
      for (const pid_t pid : processes_) ::kill(pid, signal_number);
    }
    for (const pid_t pid : processes_) {
      const int code = wait_for_process(pid);
      if (code != 0) log_warning("worker {} ended with {}", pid, code);
    }
    processes_.clear();
  }

 private:
  int64_t workers_;
  std::vector<pid_t> processes_;
};

}  // namespace

void add_local_launcher(LauncherRegistry& registry);
void add_local_launcher(LauncherRegistry& registry) {
  registry.add<LocalLauncher>();
}

}  // namespace cq
