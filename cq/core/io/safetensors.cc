#include "cq/core/io/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <unordered_set>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <nlohmann/json.hpp>

#include "cq/base/error.h"
#include "cq/core/io/atomic_file.h"
#include "cq/core/io/printable.h"
#include "cq/core/io/safetensors_header.h"

namespace cq {
namespace {

static_assert(std::endian::native == std::endian::little, "tensor bytes are little-endian");

constexpr uint64_t kLongestHeader = 100'000'000;

uint64_t read_header_length(const MappedFile& file) {
  if (file.size() < 8) throw RunError("{} bytes are too few for a header", file.size());
  uint64_t length = 0;
  std::memcpy(&length, file.bytes().data(), 8);
  if (length > kLongestHeader) {
    throw RunError("header of {} bytes, expected at most {}", length, kLongestHeader);
  }
  if (length > file.size() - 8) {
    throw RunError("header of {} bytes in a file of {} bytes", length, file.size());
  }
  return length;
}

// Every byte of the buffer belongs to exactly one tensor.
void check_layout(const SafeTensorsHeader& header, uint64_t buffer_bytes) {
  std::vector<const std::pair<std::string, SafeTensors::Entry>*> sorted;
  sorted.reserve(header.entries.size());
  for (const auto& entry : header.entries) sorted.push_back(&entry);
  std::ranges::sort(sorted, {}, [](const auto* entry) {
    return std::pair(entry->second.begin, entry->second.end);
  });
  uint64_t end = 0;
  for (const auto* entry : sorted) {
    if (entry->second.begin != end) {
      throw RunError("tensor '{}': starts at byte {} of the buffer, expected {} ({})",
                     printable(entry->first), entry->second.begin, end,
                     entry->second.begin < end ? "it overlaps another" : "a hole");
    }
    end = entry->second.end;
    if (end > buffer_bytes) {
      throw RunError("tensor '{}': ends at byte {} of a buffer of {} bytes (is the file cut off?)",
                     printable(entry->first), end, buffer_bytes);
    }
  }
  if (end != buffer_bytes) {
    throw RunError("tensors end at byte {} of a buffer of {} bytes", end, buffer_bytes);
  }
}

}  // namespace

SafeTensors SafeTensors::open(const std::filesystem::path& path) {
  SafeTensors result;
  result.file_ = MappedFile::open(path);
  const MappedFile& file = *result.file_;
  try {
    const uint64_t length = read_header_length(file);
    SafeTensorsHeader header = parse_safetensors_header(file.bytes().subspan(8, length));
    result.buffer_ = 8 + length;
    check_layout(header, file.size() - result.buffer_);
    result.metadata_ = std::move(header.metadata);
    for (auto& [name, entry] : header.entries) {
      result.names_.push_back(name);
      result.entries_.emplace(std::move(name), std::move(entry));
    }
  } catch (const RunError& error) {
    throw RunError("{}: not a valid safetensors file: {}", printable(path.native()), error.what());
  }
  return result;
}

const SafeTensors::Entry& SafeTensors::entry(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) {
    throw RunError("{}: holds no tensor '{}'", printable(file_->path().native()), printable(name));
  }
  return found->second;
}

const TensorInfo& SafeTensors::info(const std::string& name) const {
  return entry(name).info;
}

at::Tensor SafeTensors::tensor(const std::string& name) const {
  const Entry& e = entry(name);
  const auto options = at::TensorOptions().dtype(e.type);
  uint8_t* data = file_->data() + buffer_ + e.begin;
  const bool aligned = reinterpret_cast<uintptr_t>(data) % c10::elementSize(e.type) == 0;
  at::Tensor result;
  if (aligned && e.end > e.begin) {
    const auto keep_alive = [file = file_](void*) {};
    result = at::from_blob(data, e.info.shape, keep_alive, options);
  } else {
    result = at::empty(e.info.shape, options);
    if (e.end > e.begin) std::memcpy(result.data_ptr(), data, e.end - e.begin);
  }
  const std::string where =
      printable(file_->path().native()) + ": tensor '" + printable(name) + "'";
  check_booleans(result, where);
  return result;
}

void write_safetensors(const std::filesystem::path& path,
                       const std::vector<std::pair<std::string, at::Tensor>>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<size_t> layout(tensors.size());
  for (size_t i = 0; i < layout.size(); ++i) layout[i] = i;
  std::ranges::stable_sort(layout, std::greater(),
                           [&](size_t i) { return tensors[i].second.element_size(); });
  std::vector<uint64_t> begins(tensors.size());
  uint64_t end = 0;
  for (const size_t i : layout) {
    begins[i] = end;
    end += tensors[i].second.nbytes();
  }

  using Json = nlohmann::ordered_json;
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  // The container beneath, because insertion into the object looks at every name there is.
  auto& entries = static_cast<Json::object_t::Container&>(header.get_ref<Json::object_t&>());
  std::unordered_set<std::string> seen = {"__metadata__"};
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto& [name, tensor] = tensors[i];
    if (!seen.insert(name).second) {
      throw RunError("{}: two tensors are named '{}'", printable(path.native()), printable(name));
    }
    entries.emplace_back(name, Json{{"dtype", dtype_name(tensor.scalar_type())},
                                    {"shape", tensor.sizes().vec()},
                                    {"data_offsets", {begins[i], begins[i] + tensor.nbytes()}}});
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception& error) {
    throw RunError("{}: a name is not UTF-8: {}", printable(path.native()),
                   printable(error.what()));
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const uint64_t length = text.size();
  if (length > kLongestHeader) {
    throw RunError("{}: needs a header of {} bytes, the format allows {}", printable(path.native()),
                   length, kLongestHeader);
  }

  AtomicFile file(path);
  file.write(&length, sizeof length);
  file.write(text);
  for (const size_t i : layout) {
    const at::Tensor bytes = tensors[i].second.cpu().contiguous();
    if (bytes.numel() > 0) file.write(bytes.const_data_ptr(), bytes.nbytes());
  }
  file.commit();
}

}  // namespace cq
