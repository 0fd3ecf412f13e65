#pragma once
#include <span>
#include <string>
#include <string_view>

#include "cq/core/io/pickle.h"

namespace cq {

/// What a global of a pickle stands for; unknown: nothing that may be read.
enum class PickleGlobal {
  rebuild_tensor,
  rebuild_parameter,
  ordered_dict,
  name_space,
  dict,
  list,
  tuple,
  set,
  bytes,
  encode,
  storage,
  dtype,
  unknown
};

/// `name` is "module.name".
PickleGlobal find_pickle_global(std::string_view name);

/// The safetensors name of the type of "torch.FloatStorage" or "torch.float32"; "" for an untyped
/// storage.
std::string pickle_dtype(std::string_view name);

/// Whether the last part of `name` is written like a class: only such may be keys of a dict.
bool looks_like_class(std::string_view name);

/// What calling the global with these arguments would give, for the rebuilds of tensors. Throws
/// RunError where the arguments are not what torch writes.
PickledTensor rebuild_pickled_tensor(const std::string& name,
                                     std::span<PickledValue* const> arguments);

/// A persistent id: ('storage', type, key, location, numel[, view]). Throws RunError.
PickledStorage read_persistent_id(const PickledValue& id);

}  // namespace cq
