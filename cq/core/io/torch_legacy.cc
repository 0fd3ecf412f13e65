#include <algorithm>
#include <cstring>
#include <map>
#include <unordered_map>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cq/base/error.h"
#include "cq/core/io/mapped_file.h"
#include "cq/core/io/printable.h"
#include "cq/core/io/torch_storages.h"

namespace cq {
namespace {

using Kind = PickledValue::Kind;

// 0x1950a86a20f9469cfc6c, a LONG1 of ten bytes.
constexpr std::string_view kMagic = "1950a86a20f9469cfc6c";
constexpr int64_t kProtocol = 1001;

/// Takes the whole pages within a part of a mapping out of memory; they come back from the file.
void forget(const uint8_t* data, size_t size) {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto at = reinterpret_cast<uintptr_t>(data);
  const uintptr_t first = (at + page - 1) / page * page, end = (at + size) / page * page;
  if (first < end) ::madvise(reinterpret_cast<void*>(first), end - first, MADV_DONTNEED);
}

class LegacyStorages : public TorchStorages {
 public:
  explicit LegacyStorages(std::shared_ptr<MappedFile> file) : file_(std::move(file)) {}

  struct Part {
    size_t begin, size;
    size_t alignment;  ///< that the elements of all tensors on it need
  };

  void add(const std::string& key, const Part& part) {
    if (!parts_.emplace(key, part).second) {
      throw RunError("storage '{}' occurs twice", printable(key));
    }
  }

  uint64_t bytes(const std::string& key) const override { return part(key).size; }

  at::Tensor read(const std::string& key) const override {
    const auto [begin, size, alignment] = part(key);
    uint8_t* data = file_->data() + begin;
    const auto count = static_cast<int64_t>(size);
    if (size > 0 && reinterpret_cast<uintptr_t>(data) % alignment == 0) {
      return at::from_blob(
          data, {count}, [file = file_](void*) {}, at::kByte);
    }
    at::Tensor copy = at::empty({count}, at::kByte);
    if (size > 0) std::memcpy(copy.data_ptr(), data, size);
    forget(data, size);  // or both would be in memory
    return copy;
  }

 private:
  const Part& part(const std::string& key) const {
    const auto found = parts_.find(key);
    if (found == parts_.end()) throw RunError("holds no storage '{}'", printable(key));
    return found->second;
  }

  std::shared_ptr<MappedFile> file_;
  std::unordered_map<std::string, Part> parts_;
};

struct Width {
  size_t element = 1;    // bytes, of which the stream gives a number
  size_t alignment = 1;  // of the widest tensor on the storage
};

// Of every storage that the object names.
std::map<std::string, Width> storage_widths(const Pickle& pickle) {
  constexpr size_t kAnyType = 8;
  std::map<std::string, Width> widths;
  for (const PickledValue& value : pickle.values()) {
    if (value.kind != Kind::storage) continue;
    const auto type = dtype_from_name(value.storage->dtype);
    if (!type && !value.storage->dtype.empty()) continue;
    // The length of a storage without a type (uint16 and later ones) is in bytes.
    Width& width = widths[value.storage->key];
    width.element = type ? c10::elementSize(*type) : 1;
    // A file may name a storage with one type and with another.
    width.alignment = std::max(width.alignment, type ? width.element : kAnyType);
  }
  return widths;
}

void check_system(const PickledValue& system) {
  for (const auto& [key, value] : system.pairs) {
    if (key->text == "little_endian" && value->integer == 0) {
      throw RunError("it was written on a big-endian machine");
    }
  }
}

}  // namespace

TorchParts open_torch_legacy(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  size_t at = 0;
  const auto next = [&] {
    auto pickle = std::make_shared<Pickle>(file->bytes().subspan(at));
    at += pickle->length();
    return pickle;
  };
  if (next()->root().text != kMagic) {
    throw RunError("a plain pickle, not written by torch.save: no magic number");
  }
  if (const auto version = next(); version->root().integer != kProtocol) {
    throw RunError("version {} of the stream, expected {}", version->root().integer, kProtocol);
  }
  check_system(next()->root());
  const auto object = next();
  const auto keys = next();
  if (keys->root().kind != Kind::list) throw RunError("no list of storages follows the object");
  const auto widths = storage_widths(*object);
  auto storages = std::make_shared<LegacyStorages>(file);
  for (const PickledValue* key : keys->root().items) {
    const auto width = widths.find(key->text);
    if (width == widths.end()) throw RunError("no tensor uses storage '{}'", printable(key->text));
    uint64_t count = 0;
    if (file->size() - at < 8) throw RunError("storage '{}' is cut off", printable(key->text));
    std::memcpy(&count, file->data() + at, 8);
    at += 8;
    if (count > (file->size() - at) / width->second.element) {
      throw RunError("storage '{}' of {} elements is cut off", printable(key->text), count);
    }
    const size_t size = count * width->second.element;
    storages->add(key->text, {at, size, width->second.alignment});
    at += size;
  }
  return {object, storages};
}

}  // namespace cq
