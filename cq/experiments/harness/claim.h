#pragma once
// The right to do one piece of work, shared by processes that see the same file system.
//
// A piece of work has a folder `<work>.open` with files `claim-1`, `claim-2`, ...: the highest
// number holds the right. Taking over creates the next number, which only one process can do; no
// claim of another process is ever rewritten or removed while the work is open, so there is no
// moment in which two processes could both believe that they took over.
//
// A claim is stale when its process is gone (same machine) or when its beat did not change for a
// lease, measured by the observer's own steady clock: wall clocks that jump or differ between
// machines do not matter.
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace cq {

/// What a claim file says about its holder.
struct ClaimInfo {
  int64_t generation = 0;
  std::string host;
  std::string machine;  // boot and process-id namespace: equal means that pid can be looked up
  int64_t pid = 0;
  std::string started;  // of the process, so that a reused pid is not taken for it
  std::string token;
  bool held = false;
  int64_t beat = 0;

  enum class Holder { alive, gone, elsewhere };
  /// `elsewhere` where the process belongs to another machine.
  Holder holder() const;
  bool operator==(const ClaimInfo&) const = default;
};

/// The newest claim in `folder`, if there is one.
std::optional<ClaimInfo> read_claim(const std::filesystem::path& folder);

class ClaimKeeper;

/// Held until released or destroyed. Its keeper renews it.
class Claim {
 public:
  ~Claim();
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

  /// `<work>.open`.
  const std::filesystem::path& folder() const { return folder_; }
  /// A place below folder() that no other claimant uses.
  std::filesystem::path work_folder() const;
  /// Whether another process took over because this one seemed gone.
  bool lost() const;
  /// Others may take the work on; what folder() holds stays.
  void release();
  /// The work is complete: removes folder().
  void finish();

 private:
  friend class ClaimKeeper;
  Claim(ClaimKeeper& keeper, std::filesystem::path folder, ClaimInfo info, int file)
      : keeper_(keeper), folder_(std::move(folder)), info_(std::move(info)), file_(file) {}
  void beat();
  void write();
  void drop_older();

  ClaimKeeper& keeper_;
  std::filesystem::path folder_;
  ClaimInfo info_;
  int file_;
  bool open_ = true;
};

/// Takes claims and renews them from one thread of its own. Outlives its claims.
class ClaimKeeper {
 public:
  explicit ClaimKeeper(double lease_seconds = 60);
  ~ClaimKeeper();
  ClaimKeeper(const ClaimKeeper&) = delete;
  ClaimKeeper& operator=(const ClaimKeeper&) = delete;

  /// Nothing when another process holds the work. Throws StorageError or RunError.
  std::unique_ptr<Claim> try_claim(const std::filesystem::path& folder);

 private:
  friend class Claim;
  bool is_stale(const std::filesystem::path& folder, const ClaimInfo& claim);
  void renew_loop();
  void forget(Claim* claim);

  struct Seen {
    ClaimInfo claim;
    std::chrono::steady_clock::time_point since;
  };
  double lease_seconds_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::vector<Claim*> held_;
  std::map<std::string, Seen> seen_;
  std::thread thread_;
};

}  // namespace cq
