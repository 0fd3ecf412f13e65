#include "cq/experiments/harness/store.h"

#include <algorithm>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "cq/base/json.h"

namespace cq {
namespace fs = std::filesystem;
namespace {

constexpr const char* manifest = "stage.json";

nlohmann::ordered_json list_files(const fs::path& folder) {
  nlohmann::json sorted = nlohmann::json::object();
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    sorted[fs::relative(entry.path(), folder).generic_string()] = entry.file_size();
  }
  return sorted;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

Store::Store(fs::path root, double lease_seconds)
    : root_(std::move(root)), claims_(lease_seconds) {}

fs::path Store::folder(const StageName& name) const {
  return root_ / name.kind / name.key;
}

fs::path Store::open_folder(const StageName& name) const {
  return root_ / name.kind / (name.key + ".open");
}

bool Store::complete(const StageName& name) const {
  std::error_code ignored;
  return fs::exists(folder(name) / manifest, ignored);
}

std::optional<std::string> Store::damage(const StageName& name) const {
  nlohmann::ordered_json files;
  try {
    files = read_json(folder(name) / manifest).at("files");
  } catch (const std::exception& error) {
    return error.what();
  }
  for (const auto& [file, size] : files.items()) {
    std::error_code missing;
    const auto found = fs::file_size(folder(name) / file, missing);
    if (missing) return fmt::format("{} is missing", file);
    if (found != size.get<uintmax_t>()) {
      return fmt::format("{} has {} bytes, {} expected", file, found, size.get<uintmax_t>());
    }
  }
  return std::nullopt;
}

std::unique_ptr<Claim> Store::try_claim(const StageName& name) {
  return claims_.try_claim(open_folder(name));
}

void Store::discard(const StageName& name, const Claim& claim) {
  const fs::path away = claim.folder() / ("discarded-" + random_token());
  std::error_code error;
  fs::rename(folder(name), away, error);
  if (error) throw_file_error("cannot move away", folder(name), error.value());
  fs::remove_all(away, error);
}

bool Store::commit(const StageName& name, Claim& claim, nlohmann::ordered_json description) {
  const fs::path work = claim.work_folder();
  description["files"] = list_files(work);
  write_json(work / manifest, description);
  const bool first = rename_folder_into_place(work, folder(name));
  claim.finish();
  return first;
}

void Store::sweep(const StageName& name) {
  std::error_code ignored;
  if (!fs::exists(open_folder(name), ignored)) return;
  if (const auto claim = try_claim(name)) claim->finish();
}

std::optional<LearnedCost> Store::learned_cost(const std::string& kind) const {
  std::vector<double> seconds, bytes;
  std::error_code error;
  for (auto it = fs::directory_iterator(root_ / kind, error);
       !error && it != fs::directory_iterator() && seconds.size() < 9; it.increment(error)) {
    if (it->path().extension() == ".open") continue;
    try {
      const auto record = read_json(it->path() / manifest);
      const double weight = record.at("weight").get<double>();
      if (!(weight > 0)) continue;
      double size = 0;
      for (const auto& [file, file_bytes] : record.at("files").items()) {
        size += file_bytes.get<double>();
      }
      seconds.push_back(record.at("seconds").get<double>() / weight);
      bytes.push_back(size / weight);
    } catch (const std::exception&) {
      // An estimate needs no damaged record; the stage itself is checked where it is used.
    }
  }
  if (seconds.empty()) return std::nullopt;
  return LearnedCost{median(seconds), median(bytes)};
}

}  // namespace cq
