#include "cq/core/io/torch_file.h"

#include <algorithm>

#include "cq/base/error.h"
#include "cq/core/io/pickle_globals.h"
#include "cq/core/io/printable.h"
#include "cq/core/io/torch_storages.h"
#include "cq/core/io/zip_archive.h"

namespace cq {
namespace {

using Kind = PickledValue::Kind;

constexpr int kDeepest = 100;
constexpr size_t kMostVisits = 200'000;

// What tensors may take beyond the bytes that are there for them.
constexpr uint64_t kHarmless = 64u << 20;
constexpr uint64_t kMostExpansion = 4;

// Walks the object and lists its tensors; containers may be shared or contain themselves.
class Walk {
 public:
  std::vector<std::pair<std::string, const PickledTensor*>> tensors;

  void visit(const PickledValue& value, const std::string& name, int depth) {
    if (++visits_ > kMostVisits || depth > kDeepest) {
      throw RunError("'{}': containers are nested too deeply or contain themselves",
                     printable(name));
    }
    const std::string prefix = name.empty() ? "" : name + ".";
    if (value.kind == Kind::tensor) {
      tensors.emplace_back(name.empty() ? "tensor" : name, value.tensor.get());
    } else if (value.kind == Kind::list || value.kind == Kind::tuple) {
      for (size_t i = 0; i < value.items.size(); ++i) {
        if (may_hold_tensors(*value.items[i])) {
          visit(*value.items[i], prefix + std::to_string(i), depth + 1);
        }
      }
    } else if (value.kind == Kind::dict) {
      // A repeated key: the later value holds, as in Python.
      std::unordered_map<std::string, const PickledValue*> last;
      for (const auto& [key, item] : value.pairs) last[key_text(*key)] = item;
      for (const auto& [key, item] : value.pairs) {
        const std::string text = key_text(*key);
        if (last[text] != item || !may_hold_tensors(*item)) continue;
        visit(*item, prefix + text, depth + 1);
      }
    }
  }

 private:
  static bool may_hold_tensors(const PickledValue& value) {
    return value.kind == Kind::tensor || value.kind == Kind::list || value.kind == Kind::tuple ||
           value.kind == Kind::dict;
  }

  static std::string key_text(const PickledValue& key) {
    if (key.kind == Kind::text || key.kind == Kind::bytes || key.kind == Kind::global) {
      return key.text.substr(0, 1000);
    }
    if (key.kind == Kind::integer || key.kind == Kind::boolean) return std::to_string(key.integer);
    if (key.kind == Kind::real) return fmt::format("{}", key.real);
    return "()";
  }

  size_t visits_ = 0;
};

// Bytes of the tensor made contiguous. Throws where it reaches beyond its storage.
uint64_t check_tensor(const PickledTensor& tensor, uint64_t storage_bytes) {
  const auto numel = checked_numel(tensor.shape);
  if (!numel) throw RunError("shape {} is impossible", shape_text(tensor.shape));
  if (tensor.strides.size() != tensor.shape.size()) {
    throw RunError("shape {} with strides {}", shape_text(tensor.shape),
                   shape_text(tensor.strides));
  }
  const uint64_t width = c10::elementSize(*dtype_from_name(tensor.storage.dtype));
  const auto held = static_cast<int64_t>(storage_bytes / width);
  int64_t last = 0;
  bool inside = !__builtin_add_overflow(tensor.offset, tensor.storage.view_begin, &last) &&
                tensor.offset >= 0 && tensor.storage.view_begin >= 0 && last <= held;
  for (size_t i = 0; i < tensor.shape.size() && inside; ++i) {
    int64_t reach = 0;
    inside = tensor.strides[i] >= 0 &&
             !__builtin_mul_overflow(std::max<int64_t>(tensor.shape[i] - 1, 0), tensor.strides[i],
                                     &reach) &&
             !__builtin_add_overflow(last, reach, &last);
  }
  if (!inside || (*numel > 0 && last >= held)) {
    throw RunError("shape {}, strides {}, offset {} reach beyond the {} elements of storage '{}'",
                   shape_text(tensor.shape), shape_text(tensor.strides), tensor.offset, held,
                   printable(tensor.storage.key));
  }
  const uint64_t bytes = static_cast<uint64_t>(*numel) * width;
  if (bytes > kHarmless && bytes / kMostExpansion > storage_bytes) {
    throw RunError("an expansion of {} stored bytes to {} is refused", storage_bytes, bytes);
  }
  return bytes;
}

}  // namespace

TorchFile TorchFile::open(const std::filesystem::path& path) {
  TorchFile result(path);
  const std::string where = printable(path.native());
  try {
    const TorchParts parts = is_zip(path) ? open_torch_zip(path) : open_torch_legacy(path);
    result.storages_ = parts.storages;
    result.add_tensors(parts.pickle->root(), std::filesystem::file_size(path));
  } catch (const RunError& error) {
    const std::string what = error.what();
    throw RunError(what.starts_with(where) ? what : where + ": " + what);
  }
  return result;
}

void TorchFile::add_tensors(const PickledValue& root, uint64_t file_bytes) {
  Walk walk;
  walk.visit(root, "", 0);
  uint64_t total = 0;
  for (const auto& [name, source] : walk.tensors) {
    try {
      total += check_tensor(*source, storages_->bytes(source->storage.key));
    } catch (const RunError& error) {
      throw RunError("tensor '{}': {}", printable(name), error.what());
    }
    if (total > 4 * kHarmless && total / kMostExpansion > file_bytes) {
      throw RunError("its tensors take over {} bytes from a file of {}", total, file_bytes);
    }
    if (!tensors_.emplace(name, Entry{{source->storage.dtype, source->shape}, *source}).second) {
      throw RunError("two tensors are named '{}'", printable(name));
    }
    names_.push_back(name);
  }
}

const TorchFile::Entry& TorchFile::entry(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    throw RunError("{}: holds no tensor '{}'", printable(path_.native()), printable(name));
  }
  return found->second;
}

const TensorInfo& TorchFile::info(const std::string& name) const {
  return entry(name).info;
}

at::Tensor TorchFile::tensor(const std::string& name) const {
  const Entry& e = entry(name);
  const at::Tensor bytes = storages_->read(e.source.storage.key);
  const auto type = *dtype_from_name(e.info.dtype);
  const auto width = static_cast<int64_t>(c10::elementSize(type));
  const at::Tensor whole = bytes.narrow(0, 0, bytes.numel() / width * width).view(type);
  const auto offset = e.source.offset + e.source.storage.view_begin;
  at::Tensor result = whole.as_strided(e.info.shape, e.source.strides, offset);
  // A view must not keep more than itself in memory.
  const bool part = result.numel() < whole.numel();
  result = part || !result.is_contiguous() ? result.clone(at::MemoryFormat::Contiguous) : result;
  if (e.source.negative) result = result.neg();
  if (e.source.conjugate) result = result.conj_physical();
  check_booleans(result, printable(path_.native()) + ": tensor '" + printable(name) + "'");
  return result;
}

}  // namespace cq
