#include "cq/experiments/harness/failure.h"

#include "cq/base/files.h"
#include "cq/base/json.h"

namespace cq {
namespace fs = std::filesystem;
namespace {

std::optional<FailureRecord> read_record(const fs::path& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return std::nullopt;
  try {
    const auto record = read_json(path);
    return FailureRecord{record.value("id", ""), record.at("stage"), record.at("error"),
                         record.at("log").get<std::vector<std::string>>()};
  } catch (const std::exception&) {
    return std::nullopt;  // removed or replaced meanwhile
  }
}

/// Messages may quote bytes of damaged files.
std::string as_utf8(const std::string& text) {
  const std::string quoted =
      nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return nlohmann::json::parse(quoted).get<std::string>();
}

nlohmann::ordered_json to_json(const FailureRecord& failure) {
  std::vector<std::string> log;
  for (const auto& line : failure.log_tail) log.push_back(as_utf8(line));
  return {{"stage", failure.stage}, {"error", as_utf8(failure.error)}, {"log", log}};
}

}  // namespace

std::optional<FailureRecord> read_failure(const fs::path& folder) {
  return read_record(folder / "failure.json");
}

void write_failure(const fs::path& folder, const FailureRecord& failure) {
  auto record = to_json(failure);
  record["id"] = failure.id;
  write_json(folder / "failure.json", record);
}

std::optional<FailureRecord> read_cell_error(const fs::path& cell_folder) {
  return read_record(cell_folder / "error.json");
}

void write_cell_error(const fs::path& cell_folder, const FailureRecord& failure) {
  write_json(cell_folder / "error.json", to_json(failure));
}

}  // namespace cq
