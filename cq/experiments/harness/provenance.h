#pragma once
// Where results come from: everything that may change a figure without being a key of the config.
#include <filesystem>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

namespace cq {

/// What only the caller knows.
struct ProvenanceInput {
  std::string version;
  std::string revision;
  bool dirty = false;
  std::string compiler;
  std::map<std::string, std::string> libraries;
  /// `cpu`, or the GPU's name.
  std::string device;
  int64_t threads = 0;
  /// SHA-256 of weights and data files, by name.
  std::map<std::string, std::string> hashes;
};

/// The caller's part with what the machine tells: processor, its features, kernel.
nlohmann::ordered_json collect_provenance(const ProvenanceInput& input);

/// provenance.json of one experiment. The newest run that did something is described at the top
/// level, with `start`, `end` (UTC) and `exit_reason`; earlier ones follow in `earlier`. Several
/// processes may write: each keeps the others' entries.
class ProvenanceFile {
 public:
  /// A null `description` writes nothing, here and later.
  ProvenanceFile(std::filesystem::path path, nlohmann::ordered_json description);
  /// Throws StorageError. A run that did nothing leaves an existing file alone.
  /// `times`: how long it took, and what with.
  void finish(const std::string& exit_reason, bool did_something,
              const nlohmann::ordered_json& times = nlohmann::ordered_json::object());

 private:
  std::filesystem::path path_;
  nlohmann::ordered_json description_;
};

}  // namespace cq
