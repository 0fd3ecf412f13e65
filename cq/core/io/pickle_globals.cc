#include "cq/core/io/pickle_globals.h"

#include <algorithm>
#include <array>

#include "cq/base/error.h"
#include "cq/core/io/printable.h"

namespace cq {
namespace {

using Kind = PickledValue::Kind;

struct NamedGlobal {
  std::string_view name;
  PickleGlobal global;
};

constexpr std::array kGlobals = {
    NamedGlobal{"torch._utils._rebuild_tensor", PickleGlobal::rebuild_tensor},
    NamedGlobal{"torch._utils._rebuild_tensor_v2", PickleGlobal::rebuild_tensor},
    NamedGlobal{"torch._utils._rebuild_tensor_v3", PickleGlobal::rebuild_tensor},
    NamedGlobal{"torch._utils._rebuild_parameter", PickleGlobal::rebuild_parameter},
    NamedGlobal{"torch._utils._rebuild_parameter_with_state", PickleGlobal::rebuild_parameter},
    NamedGlobal{"collections.OrderedDict", PickleGlobal::ordered_dict},
    NamedGlobal{"argparse.Namespace", PickleGlobal::name_space},
    NamedGlobal{"builtins.dict", PickleGlobal::dict},
    NamedGlobal{"__builtin__.dict", PickleGlobal::dict},
    NamedGlobal{"builtins.list", PickleGlobal::list},
    NamedGlobal{"__builtin__.list", PickleGlobal::list},
    NamedGlobal{"builtins.tuple", PickleGlobal::tuple},
    NamedGlobal{"__builtin__.tuple", PickleGlobal::tuple},
    NamedGlobal{"torch.Size", PickleGlobal::tuple},
    NamedGlobal{"builtins.set", PickleGlobal::set},
    NamedGlobal{"__builtin__.set", PickleGlobal::set},
    NamedGlobal{"builtins.frozenset", PickleGlobal::set},
    NamedGlobal{"__builtin__.frozenset", PickleGlobal::set},
    NamedGlobal{"builtins.bytes", PickleGlobal::bytes},
    NamedGlobal{"__builtin__.bytes", PickleGlobal::bytes},
    NamedGlobal{"builtins.bytearray", PickleGlobal::bytes},
    NamedGlobal{"__builtin__.bytearray", PickleGlobal::bytes},
    NamedGlobal{"_codecs.encode", PickleGlobal::encode},
};

struct TorchType {
  std::string_view storage, type, dtype;
};

constexpr std::array kTypes = {
    TorchType{"BoolStorage", "bool", "BOOL"},
    TorchType{"ByteStorage", "uint8", "U8"},
    TorchType{"CharStorage", "int8", "I8"},
    TorchType{"ShortStorage", "int16", "I16"},
    TorchType{"IntStorage", "int32", "I32"},
    TorchType{"LongStorage", "int64", "I64"},
    TorchType{"HalfStorage", "float16", "F16"},
    TorchType{"BFloat16Storage", "bfloat16", "BF16"},
    TorchType{"FloatStorage", "float32", "F32"},
    TorchType{"DoubleStorage", "float64", "F64"},
    TorchType{"ComplexFloatStorage", "complex64", "C64"},
    TorchType{"", "uint16", "U16"},
    TorchType{"", "uint32", "U32"},
    TorchType{"", "uint64", "U64"},
    TorchType{"", "float8_e5m2", "F8_E5M2"},
    TorchType{"", "float8_e4m3fn", "F8_E4M3"},
    TorchType{"", "float8_e5m2fnuz", "F8_E5M2FNUZ"},
    TorchType{"", "float8_e4m3fnuz", "F8_E4M3FNUZ"},
    TorchType{"", "float8_e8m0fnu", "F8_E8M0"},
};

// "torch.FloatStorage" and "torch.cuda.FloatStorage" are the same bytes.
std::string_view torch_name(std::string_view name) {
  for (const std::string_view prefix : {"torch.cuda.", "torch."}) {
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  }
  return {};
}

bool is_untyped(std::string_view name) {
  return name == "torch.storage.UntypedStorage" || name == "torch.UntypedStorage";
}

const PickledValue& argument(std::span<PickledValue* const> arguments, size_t i, Kind kind,
                             const std::string& name) {
  if (i >= arguments.size() || arguments[i]->kind != kind) {
    throw RunError("argument {} of {} is not what torch writes", i, printable(name));
  }
  if (kind == Kind::integer && !arguments[i]->text.empty()) {
    throw RunError("argument {} of {} is beyond 64 bits", i, printable(name));
  }
  return *arguments[i];
}

std::vector<int64_t> integers(const PickledValue& tuple, const std::string& name) {
  if (tuple.items.size() > 64) throw RunError("{}: more than 64 dimensions", printable(name));
  std::vector<int64_t> result;
  for (size_t i = 0; i < tuple.items.size(); ++i) {
    result.push_back(argument(tuple.items, i, Kind::integer, name).integer);
  }
  return result;
}

}  // namespace

PickleGlobal find_pickle_global(std::string_view name) {
  const auto* found = std::ranges::find(kGlobals, name, &NamedGlobal::name);
  if (found != kGlobals.end()) return found->global;
  if (is_untyped(name)) return PickleGlobal::storage;
  const std::string_view torch = torch_name(name);
  if (torch.empty()) return PickleGlobal::unknown;
  if (std::ranges::find(kTypes, torch, &TorchType::storage) != kTypes.end()) {
    return PickleGlobal::storage;
  }
  const bool dtype = std::ranges::find(kTypes, torch, &TorchType::type) != kTypes.end();
  return dtype && name.starts_with("torch.") && !name.starts_with("torch.cuda.")
             ? PickleGlobal::dtype
             : PickleGlobal::unknown;
}

std::string pickle_dtype(std::string_view name) {
  const std::string_view torch = torch_name(name);
  for (const TorchType& type : kTypes) {
    if (!torch.empty() && (type.storage == torch || type.type == torch)) {
      return std::string(type.dtype);
    }
  }
  return "";
}

bool looks_like_class(std::string_view name) {
  const std::string_view last = name.substr(name.rfind('.') + 1);
  return !last.empty() && last[0] >= 'A' && last[0] <= 'Z';
}

namespace {

/// The bits of lazy views (torch.conj, the imaginary part of one) in what torch calls metadata.
void read_bits(std::span<PickledValue* const> arguments, size_t at, const std::string& name,
               PickledTensor& tensor) {
  if (at >= arguments.size() || arguments[at]->kind == Kind::none) return;
  for (const auto& [key, value] : argument(arguments, at, Kind::dict, name).pairs) {
    const bool set = value->kind == Kind::boolean && value->integer != 0;
    if (key->text == "conj") tensor.conjugate = set;
    if (key->text == "neg") tensor.negative = set;
  }
  const std::string& type = tensor.storage.dtype;
  const bool real = type == "F16" || type == "BF16" || type == "F32" || type == "F64";
  if ((tensor.conjugate && type != "C64") || (tensor.negative && type != "C64" && !real)) {
    throw RunError("{}: a conjugate or negative view of type {}", printable(name), type);
  }
}

}  // namespace

PickledTensor rebuild_pickled_tensor(const std::string& name,
                                     std::span<PickledValue* const> arguments) {
  PickledTensor tensor;
  tensor.storage = *argument(arguments, 0, Kind::storage, name).storage;
  tensor.offset = argument(arguments, 1, Kind::integer, name).integer;
  tensor.shape = integers(argument(arguments, 2, Kind::tuple, name), name);
  tensor.strides = integers(argument(arguments, 3, Kind::tuple, name), name);
  const bool typed = name.ends_with("_v3");
  if (typed) {
    const std::string& type = argument(arguments, 6, Kind::global, name).text;
    if (find_pickle_global(type) != PickleGlobal::dtype) {
      throw RunError("{} with the type {}", printable(name), printable(type));
    }
    tensor.storage.dtype = pickle_dtype(type);
  }
  if (tensor.storage.dtype.empty()) throw RunError("a tensor on a storage without a type");
  read_bits(arguments, typed ? 7 : 6, name, tensor);
  return tensor;
}

PickledStorage read_persistent_id(const PickledValue& id) {
  const std::string name = "a persistent id";
  if (id.kind != Kind::tuple) throw RunError("a persistent id that is no tuple");
  const std::string& what = argument(id.items, 0, Kind::text, name).text;
  if (what != "storage") {
    throw RunError(
        "a persistent id of kind '{}', expected 'storage' (whole pickled modules cannot "
        "be read: save the state_dict)",
        printable(what));
  }
  const std::string& type = argument(id.items, 1, Kind::global, name).text;
  if (find_pickle_global(type) != PickleGlobal::storage) {
    throw RunError("refused global {} (as the type of a storage)", printable(type));
  }
  PickledStorage storage;
  storage.dtype = pickle_dtype(type);
  storage.key = argument(id.items, 2, Kind::text, name).text;
  if (storage.key.size() > 256) throw RunError("a storage with a key of over 256 bytes");
  storage.numel = argument(id.items, 4, Kind::integer, name).integer;
  if (id.items.size() > 5 && id.items[5]->kind != Kind::none) {
    const auto& view = argument(id.items, 5, Kind::tuple, name).items;
    storage.view_begin = argument(view, 1, Kind::integer, name).integer;
  }
  return storage;
}

}  // namespace cq
