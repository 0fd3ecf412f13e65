#include "cq/experiments/harness/provenance.h"

#include <algorithm>
#include <cerrno>
#include <set>
#include <sstream>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "cq/base/json.h"
#include "cq/base/log.h"

namespace cq {
namespace fs = std::filesystem;
namespace {

/// Those that numeric kernels are chosen by.
const std::set<std::string> numeric_features{
    "sse4_2",   "avx",      "avx2",        "fma",      "f16c",        "avx512f",     "avx512bw",
    "avx512vl", "avx512dq", "avx512_vnni", "avx_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16",
    "amx_int8", "amx_tile", "asimd",       "asimddp",  "sve",         "i8mm",        "bf16"};

struct Processor {
  std::string model = "unknown";
  std::set<std::string> features;
};

Processor read_processor() {
  Processor processor;
  std::string text;
  try {
    text = read_text("/proc/cpuinfo");
  } catch (const RunError&) {
    return processor;
  }
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line) && !line.empty();) {
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    const std::string value = line.substr(colon + 2);
    if (line.starts_with("model name")) processor.model = value;
    if (!line.starts_with("flags") && !line.starts_with("Features")) continue;
    std::istringstream words(value);
    for (std::string word; words >> word;) {
      if (numeric_features.contains(word)) processor.features.insert(word);
    }
  }
  return processor;
}

/// Readers need no lock: the file is replaced as a whole.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder)
      : file_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (file_ < 0) throw_file_error("cannot open", folder, errno);
    ::flock(file_, LOCK_EX);
  }
  ~FolderLock() { ::close(file_); }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int file_;
};

}  // namespace

nlohmann::ordered_json collect_provenance(const ProvenanceInput& input) {
  const Processor processor = read_processor();
  utsname system{};
  ::uname(&system);
  return {{"version", input.version},
          {"revision", input.revision},
          {"dirty", input.dirty},
          {"compiler", input.compiler},
          {"libraries", input.libraries},
          {"device", input.device},
          {"cpu", processor.model},
          {"cpu_features", processor.features},
          {"threads", input.threads},
          {"system", fmt::format("{} {} {}", system.sysname, system.release, system.machine)},
          {"hashes", input.hashes}};
}

ProvenanceFile::ProvenanceFile(fs::path path, nlohmann::ordered_json description)
    : path_(std::move(path)), description_(std::move(description)) {
  if (!description_.is_null()) description_["start"] = utc_time();
}

void ProvenanceFile::finish(const std::string& exit_reason, bool did_something,
                            const nlohmann::ordered_json& times) {
  if (description_.is_null()) return;
  description_["end"] = utc_time();
  description_["exit_reason"] = exit_reason;
  description_.update(times);
  const FolderLock lock(path_.parent_path());
  nlohmann::ordered_json earlier = nlohmann::ordered_json::array();
  if (fs::exists(path_)) {
    if (!did_something) return;
    nlohmann::ordered_json last = read_json(path_);
    if (last.contains("earlier")) {
      earlier = last["earlier"];
      last.erase("earlier");
    }
    last.erase("schema");
    earlier.insert(earlier.begin(), std::move(last));
    if (earlier.size() > 100) earlier.erase(100);
  }
  nlohmann::ordered_json record{{"schema", 1}};
  record.update(description_);
  record["earlier"] = std::move(earlier);
  write_json(path_, record);
}

}  // namespace cq
