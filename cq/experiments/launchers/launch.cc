#include "cq/experiments/launchers/launch.h"

#include <algorithm>
#include <charconv>
#include <fstream>

#include <unistd.h>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "cq/base/json.h"
#include "cq/base/log.h"

namespace cq {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

std::vector<int64_t> launch_numbers(const fs::path& experiment) {
  std::vector<int64_t> numbers;
  std::error_code none;
  for (fs::directory_iterator it(experiment / "launch", none), end; !none && it != end;
       it.increment(none)) {
    const std::string name = it->path().filename().string();
    int64_t number = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
    if (parsed.ec == std::errc() && parsed.ptr == name.data() + name.size()) {
      numbers.push_back(number);
    }
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

Json to_json(const LaunchHeader& header) {
  Json tasks = Json::array(), jobs = Json::array();
  for (const auto& cell : header.tasks) tasks.push_back(cell ? Json(*cell) : Json());
  for (const auto& job : header.jobs) jobs.push_back({{"id", job.id}, {"tasks", job.tasks}});
  return {{"schema", 1},
          {"launcher", header.launcher},
          {"version", header.version},
          {"arguments", header.arguments},
          {"jobs", jobs},
          {"collect_job", header.collect_job},
          {"tasks", tasks}};
}

LaunchHeader header_of(const Json& json) {
  LaunchHeader header{json.at("launcher"),   json.at("version"), json.at("arguments"), {}, {},
                      json.at("collect_job")};
  for (const auto& cell : json.at("tasks")) {
    header.tasks.push_back(cell.is_null() ? std::nullopt : std::optional(cell.get<size_t>()));
  }
  for (const auto& job : json.at("jobs")) header.jobs.push_back({job.at("id"), job.at("tasks")});
  return header;
}

}  // namespace

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

Launch Launch::create(const fs::path& experiment) {
  make_folders(experiment / "launch");
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const auto numbers = launch_numbers(experiment);
    const int64_t next = numbers.empty() ? 1 : numbers.back() + 1;
    const fs::path folder = experiment / "launch" / std::to_string(next);
    std::error_code error;
    if (fs::create_directory(folder, error)) {
      make_folders(folder / "tasks");
      make_folders(folder / "logs");
      return Launch(folder);
    }
    if (error) throw_file_error("cannot create", folder, error.value());
  }
  throw RunError("cannot create a folder in {}", (experiment / "launch").string());
}

Launch Launch::open(const fs::path& folder) {
  if (!fs::exists(folder / "launch.json")) {
    throw UsageError("{} is no launch: it has no launch.json", folder.string());
  }
  Launch launch(folder);
  try {
    launch.header_ = header_of(read_json(folder / "launch.json"));
  } catch (const nlohmann::json::exception& error) {
    throw RunError("{}: damaged ({})", (folder / "launch.json").string(), error.what());
  }
  launch.find_lines();
  return launch;
}

std::optional<Launch> Launch::newest(const fs::path& experiment) {
  const auto numbers = launch_numbers(experiment);
  for (auto it = numbers.rbegin(); it != numbers.rend(); ++it) {
    const auto folder = experiment / "launch" / std::to_string(*it);
    if (fs::exists(folder / "launch.json")) return open(folder);
  }
  return std::nullopt;
}

void Launch::write_header(LaunchHeader header) {
  header_ = std::move(header);
  write_json(folder_ / "launch.json", to_json(header_));
}

void Launch::write_cells(const std::vector<FrozenCell>& cells) {
  std::string text;
  for (const auto& cell : cells) {
    const Json line = {
        {"name", cell.name}, {"overrides", cell.overrides}, {"config", cell.config_yaml}};
    text += line.dump() + '\n';
  }
  write_atomically(cells_file(), text);
  find_lines();
}

void Launch::find_lines() {
  std::ifstream file(cells_file(), std::ios::binary);
  if (!file) throw RunError("cannot read {}", cells_file().string());
  offsets_.clear();
  uint64_t offset = 0;
  for (std::string line; std::getline(file, line);) {
    offsets_.push_back(offset);
    offset += line.size() + 1;
  }
}

FrozenCell Launch::cell(size_t index) const {
  std::ifstream file(cells_file(), std::ios::binary);
  std::string line;
  file.seekg(static_cast<std::streamoff>(offsets_.at(index)));
  std::getline(file, line);
  try {
    const Json json = Json::parse(line);
    return {json.at("name"), json.at("overrides"), json.at("config")};
  } catch (const nlohmann::json::exception& error) {
    throw RunError("{}:{}: damaged ({})", cells_file().string(), index + 1, error.what());
  }
}

TaskMarker Launch::marker(size_t task) const {
  const fs::path path = folder_ / "tasks" / fmt::format("{}.json", task);
  std::error_code none;
  if (!fs::exists(path, none)) return {};
  const Json json = read_json(path);
  return {json.value("state", "running"), json.value("host", ""),     json.value("pid", 0),
          json.value("starts", 1),        json.value("exit_code", 0), json.value("begin", ""),
          json.value("end", "")};
}

void Launch::write_marker(size_t task, const TaskMarker& marker) const {
  write_json(folder_ / "tasks" / fmt::format("{}.json", task), {{"state", marker.state},
                                                                {"host", marker.host},
                                                                {"pid", marker.pid},
                                                                {"starts", marker.starts},
                                                                {"exit_code", marker.exit_code},
                                                                {"begin", marker.begin},
                                                                {"end", marker.end}});
}

RunningTask::RunningTask(const Launch& launch, size_t task)
    : launch_(launch), task_(task), marker_(launch.marker(task)) {
  marker_.state = "running";
  marker_.host = host_name();
  marker_.pid = ::getpid();
  ++marker_.starts;
  marker_.begin = utc_time();
  marker_.end.clear();
  launch_.write_marker(task_, marker_);
}

void RunningTask::end(int exit_code) {
  const bool signalled = exit_code == 130 || exit_code == 140 || exit_code == 143;
  marker_.state = exit_code == 0 ? "done" : signalled ? "stopped" : "failed";
  marker_.exit_code = exit_code;
  marker_.end = utc_time();
  launch_.write_marker(task_, marker_);
}

}  // namespace cq
