// A worker process for the kill tests: harness_driver RESULTS_DIR COUNT_FILE CELLS STEP_SECONDS.
// With `disk MOUNT_POINT` it runs the full-disk test in a mount namespace of its own; exit 77 where
// the system allows none.
#include <cstdio>
#include <cstring>
#include <fstream>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/experiments/harness/toy.h"

namespace {

namespace fs = std::filesystem;
using cq::testing::toy_plan;
using cq::testing::ToyOptions;

int work(char** argv) {
  const fs::path results = argv[1];
  const int counts = ::open(argv[2], O_WRONLY | O_CREAT | O_APPEND, 0666);
  ToyOptions toy;
  toy.cells = std::stoll(argv[3]);
  toy.step_seconds = std::stod(argv[4]);
  cq::RunnerOptions options;
  options.progress = cq::ProgressStyle::quiet;
  options.observer = [counts](const char* event, const cq::StageName& name) {
    const std::string line = fmt::format("{} {}\n", event, name.text());
    if (::write(counts, line.data(), line.size()) < 0) std::abort();
  };
  cq::install_interrupt_handlers();
  auto plan = toy_plan(results, "toy", toy);
  const auto summary = cq::Runner(plan, options).run();
  std::fputs(summary.text().c_str(), stderr);
  return summary.exit_code;
}

#define EXPECT(condition)                                                  \
  do {                                                                     \
    if (!(condition)) {                                                    \
      std::fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition); \
      return 1;                                                            \
    }                                                                      \
  } while (false)

/// A mount namespace of our own; as root of a user namespace where we are not root already.
bool own_mounts() {
  const auto user = ::getuid();
  if (::unshare(CLONE_NEWNS) == 0) return true;
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  std::ofstream("/proc/self/uid_map") << fmt::format("0 {} 1", user);
  return ::getuid() == 0;
}

int disk_test(const char* mount_point) {
  if (!own_mounts()) return 77;
  ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
  if (::mount("tmpfs", mount_point, "tmpfs", 0, "size=4m") != 0) return 77;
  const fs::path root = mount_point;
  const auto run = [&] {
    auto plan = toy_plan(root / "results", "toy", {});
    cq::RunnerOptions options;
    options.progress = cq::ProgressStyle::quiet;
    return cq::Runner(plan, options).run();
  };
  // Full from the fourth leaf on.
  ToyOptions filling;
  filling.on_stage = [&](const std::string& kind, int64_t index) {
    if (kind != "leaf" || index != 3) return;
    std::FILE* filler = std::fopen((root / "filler").c_str(), "w");
    const std::string block(4096, 'x');
    while (std::fwrite(block.data(), 1, block.size(), filler) == block.size()) continue;
    std::fclose(filler);
  };
  auto plan = toy_plan(root / "results", "toy", filling);
  cq::RunnerOptions options;
  options.progress = cq::ProgressStyle::quiet;
  const auto full = cq::Runner(plan, options).run();
  EXPECT(full.exit_code == 1);
  EXPECT(full.stopped_by.find("No space left") != std::string::npos);
  EXPECT(full.done_now == 3);
  fs::remove(root / "filler");
  EXPECT(::mount(nullptr, mount_point, nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0);
  const auto sealed = run();
  EXPECT(sealed.exit_code == 1);
  EXPECT(sealed.stopped_by.find("Read-only file system") != std::string::npos);
  EXPECT(::mount(nullptr, mount_point, nullptr, MS_REMOUNT, nullptr) == 0);
  const auto again = run();
  EXPECT(again.exit_code == 0);
  EXPECT(again.done_before == 3 && again.done_now == 9);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 3 && std::strcmp(argv[1], "disk") == 0) return disk_test(argv[2]);
    if (argc == 5) return work(argv);
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
