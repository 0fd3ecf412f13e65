#pragma once
// A restricted unpickler: it builds plain data and descriptions of tensors, and calls nothing.
// Every global that is not needed for that refuses the file by its name.
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace cq {

/// torch.FloatStorage & co. in the file: where the bytes of a tensor lie.
struct PickledStorage {
  std::string dtype;       // "F32", ...
  std::string key;         // member of data/, or key of the legacy stream
  int64_t numel = 0;       // elements
  int64_t view_begin = 0;  // elements into the storage `key` (legacy views)
};

/// The arguments of torch._utils._rebuild_tensor_v2, in elements, not yet checked.
struct PickledTensor {
  PickledStorage storage;
  int64_t offset = 0;
  std::vector<int64_t> shape, strides;
  bool conjugate = false, negative = false;  // what a lazy view still has to be applied
};

/// A value of a pickle. Containers point to values that the Pickle owns; they may share them and
/// may contain themselves.
struct PickledValue {
  enum class Kind {
    none,
    boolean,
    integer,
    real,
    text,
    bytes,
    list,
    tuple,
    set,
    dict,
    global,
    storage,
    tensor
  };
  Kind kind = Kind::none;
  int64_t integer = 0;  // also boolean
  double real = 0;
  std::string text;  // text, bytes; a global's "module.name"; the digits of an integer over 64 bits
  std::vector<PickledValue*> items;                            // list, tuple, set
  std::vector<std::pair<PickledValue*, PickledValue*>> pairs;  // dict
  std::unique_ptr<PickledStorage> storage;
  std::unique_ptr<PickledTensor> tensor;
};

/// One pickle and the memory of its values.
class Pickle {
 public:
  /// Reads one pickle from the start of `bytes`. Throws RunError: damaged, too large (64 MiB, four
  /// million values), or with a global that is refused.
  explicit Pickle(std::span<const uint8_t> bytes);

  const PickledValue& root() const { return *root_; }

  /// Every value, whether or not the root reaches it.
  const std::deque<PickledValue>& values() const { return values_; }

  /// Bytes up to and with the STOP opcode.
  size_t length() const { return length_; }

 private:
  std::deque<PickledValue> values_;
  const PickledValue* root_ = nullptr;
  size_t length_ = 0;
};

}  // namespace cq
