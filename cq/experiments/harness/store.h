#pragma once
// Stage outputs on disk, named by the hash of everything that determines them.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cq/experiments/harness/claim.h"

namespace cq {

/// Kind and hash of a stage: where it lies in the store.
struct StageName {
  std::string kind;
  std::string key;

  std::string text() const { return kind + "/" + key; }
  /// Kind and the first 12 digits, for people.
  std::string brief() const { return kind + "/" + key.substr(0, 12); }
};

/// What one unit of weight of a kind took when it was computed before.
struct LearnedCost {
  double seconds_per_weight = 0;
  double bytes_per_weight = 0;
};

/// `<results_dir>/.store`: complete outputs in `<kind>/<key>`, work in progress in
/// `<kind>/<key>.open`.
class Store {
 public:
  explicit Store(std::filesystem::path root, double lease_seconds = 60);

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path folder(const StageName& name) const;
  std::filesystem::path open_folder(const StageName& name) const;

  /// Whether the folder was renamed into place: one look-up.
  bool complete(const StageName& name) const;

  /// What is wrong with a complete stage: files that are missing or have another size than when it
  /// was committed. Nothing when it is whole.
  std::optional<std::string> damage(const StageName& name) const;

  /// The right to compute a stage; nothing when another process has it.
  std::unique_ptr<Claim> try_claim(const StageName& name);

  /// Moves a damaged stage away. The claim on it must be held.
  void discard(const StageName& name, const Claim& claim);

  /// Makes `staged` the stage's output, with `description` and the list of its files as stage.json.
  /// Returns false when another process was first.
  bool commit(const StageName& name, Claim& claim, nlohmann::ordered_json description);

  /// Removes what a process that was killed between commit and clean-up left of a complete stage.
  void sweep(const StageName& name);

  /// From up to nine stored stages of the kind (medians); nothing when there is none.
  std::optional<LearnedCost> learned_cost(const std::string& kind) const;

  ClaimKeeper& claims() { return claims_; }

 private:
  std::filesystem::path root_;
  ClaimKeeper claims_;
};

}  // namespace cq
