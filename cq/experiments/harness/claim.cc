#include "cq/experiments/harness/claim.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <sstream>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "cq/base/error.h"
#include "cq/base/files.h"

namespace cq {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view prefix = "claim-";

std::string read_or_empty(const fs::path& path) {
  try {
    return read_text(path);
  } catch (const RunError&) {
    return {};
  }
}

std::string link_target(const char* path) {
  std::error_code error;
  return fs::read_symlink(path, error).string();
}

/// Boot and pid namespace: only among equals can a pid be looked up.
std::string this_machine() {
  std::string boot = read_or_empty("/proc/sys/kernel/random/boot_id");
  while (!boot.empty() && boot.back() == '\n') boot.pop_back();
  return boot + "/" + link_target("/proc/self/ns/pid");
}

/// Start time in clock ticks since boot (field 22 of /proc/<pid>/stat), empty when there is no such
/// process or it is a zombie.
std::string process_start(int64_t pid) {
  const std::string stat = read_or_empty(fmt::format("/proc/{}/stat", pid));
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream fields(stat.substr(name_end + 1));
  std::string state, field;
  fields >> state;
  for (int i = 4; i <= 22; ++i) fields >> field;
  return state == "Z" || state == "X" ? std::string() : field;
}

std::string host_name() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) return "unknown";
  return name;
}

/// Beat and state have a fixed width, so that renewing rewrites the file in place: it needs no
/// space on a full disk and a reader never sees it empty.
std::string to_text(const ClaimInfo& info) {
  return fmt::format("{} {:012}\n{}\n{}\n{} {}\n{}\n", info.held ? "held    " : "released",
                     info.beat, info.host, info.machine, info.pid, info.started, info.token);
}

ClaimInfo from_text(int64_t generation, const std::string& text) {
  ClaimInfo info;
  info.generation = generation;
  std::istringstream in(text);
  std::string state;
  in >> state >> info.beat >> info.host >> info.machine >> info.pid >> info.started >> info.token;
  // What cannot be read may be a claim that is being written: held, until its lease is over.
  info.held = state != "released";
  return info;
}

std::optional<int64_t> generation_of(const fs::path& file) {
  const std::string name = file.filename().string();
  if (!name.starts_with(prefix)) return std::nullopt;
  int64_t number = 0;
  const char* const end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data() + prefix.size(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return number;
}

int64_t newest_generation(const fs::path& folder) {
  int64_t newest = 0;
  std::error_code error;
  for (auto it = fs::directory_iterator(folder, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    newest = std::max(newest, generation_of(it->path()).value_or(0));
  }
  return newest;
}

fs::path claim_path(const fs::path& folder, int64_t generation) {
  return folder / fmt::format("{}{}", prefix, generation);
}

/// Creates the claim file with its content in one step. Returns its descriptor, -1 with errno.
int create_claim(const fs::path& path, const ClaimInfo& info) {
  const fs::path temporary = path.parent_path() / ("." + info.token);
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file < 0) return -1;
  const std::string text = to_text(info);
  int error = 0;
  if (::write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    error = errno != 0 ? errno : ENOSPC;
  } else if (::link(temporary.c_str(), path.c_str()) != 0) {
    error = errno;
  }
  ::unlink(temporary.c_str());
  if (error == 0) return file;
  ::close(file);
  errno = error;
  return -1;
}

}  // namespace

ClaimInfo::Holder ClaimInfo::holder() const {
  if (machine.empty() || machine != this_machine()) return Holder::elsewhere;
  return process_start(pid) == started && !started.empty() ? Holder::alive : Holder::gone;
}

std::optional<ClaimInfo> read_claim(const fs::path& folder) {
  const int64_t generation = newest_generation(folder);
  if (generation == 0) return std::nullopt;
  return from_text(generation, read_or_empty(claim_path(folder, generation)));
}

Claim::~Claim() {
  if (open_) release();
}

fs::path Claim::work_folder() const {
  return folder_ / fmt::format("work-{}", info_.generation);
}

bool Claim::lost() const {
  if (newest_generation(folder_) != info_.generation) return true;
  return from_text(info_.generation, read_or_empty(claim_path(folder_, info_.generation))).token !=
         info_.token;
}

void Claim::beat() {
  ++info_.beat;
  write();
}

void Claim::write() {
  const std::string text = to_text(info_);
  // A failed renewal needs no report: the claim then goes stale, which is safe.
  [[maybe_unused]] const auto written = ::pwrite(file_, text.data(), text.size(), 0);
  // Network file systems show the new beat to others only after a sync.
  ::fdatasync(file_);
}

void Claim::drop_older() {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
    const auto generation = generation_of(entry.path());
    const std::string name = entry.path().filename().string();
    const bool old_claim = generation && *generation < info_.generation;
    const bool old_work = name.starts_with("work-") && entry.path() != work_folder();
    if (old_claim || old_work) fs::remove_all(entry.path(), ignored);
  }
}

void Claim::release() {
  keeper_.forget(this);
  open_ = false;
  std::error_code ignored;
  fs::remove_all(work_folder(), ignored);
  info_.held = false;
  write();
  ::close(file_);
}

void Claim::finish() {
  keeper_.forget(this);
  open_ = false;
  ::close(file_);
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

ClaimKeeper::ClaimKeeper(double lease_seconds)
    : lease_seconds_(lease_seconds), thread_([this] { renew_loop(); }) {}

ClaimKeeper::~ClaimKeeper() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

std::unique_ptr<Claim> ClaimKeeper::try_claim(const fs::path& folder) {
  ClaimInfo mine{
      0, host_name(), this_machine(), ::getpid(), process_start(::getpid()), random_token(), true,
      0};
  // A finishing process may remove the folder under us: then begin again.
  for (int attempt = 0; attempt < 100; ++attempt) {
    make_folders(folder);
    const auto newest = read_claim(folder);
    if (newest && newest->held && !is_stale(folder, *newest)) return nullptr;
    mine.generation = newest ? newest->generation + 1 : 1;
    const int file = create_claim(claim_path(folder, mine.generation), mine);
    if (file < 0 && errno == ENOENT) continue;
    if (file < 0 && errno == EEXIST) return nullptr;
    if (file < 0) throw_file_error("cannot create a claim in", folder, errno);
    // Whoever read an older listing may have created a lower number: the highest one holds.
    if (newest_generation(folder) != mine.generation) {
      ::close(file);
      std::error_code ignored;
      fs::remove(claim_path(folder, mine.generation), ignored);
      return nullptr;
    }
    std::unique_ptr<Claim> claim(new Claim(*this, folder, mine, file));
    claim->drop_older();
    const std::lock_guard lock(mutex_);
    held_.push_back(claim.get());
    seen_.erase(folder.string());
    return claim;
  }
  throw RunError("cannot claim {}: the folder is removed again and again", folder.string());
}

bool ClaimKeeper::is_stale(const fs::path& folder, const ClaimInfo& claim) {
  if (claim.holder() == ClaimInfo::Holder::gone) return true;
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  const auto [it, fresh] = seen_.try_emplace(folder.string(), Seen{claim, now});
  if (!fresh && !(it->second.claim == claim)) it->second = {claim, now};
  return std::chrono::duration<double>(now - it->second.since).count() > lease_seconds_;
}

void ClaimKeeper::renew_loop() {
  std::unique_lock lock(mutex_);
  const std::chrono::duration<double> interval(lease_seconds_ / 4);
  while (!wake_.wait_for(lock, interval, [this] { return stop_; })) {
    for (Claim* claim : held_) claim->beat();
  }
}

void ClaimKeeper::forget(Claim* claim) {
  const std::lock_guard lock(mutex_);
  std::erase(held_, claim);
}

}  // namespace cq
