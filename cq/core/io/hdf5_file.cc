#include "cq/core/io/hdf5_file.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "cq/core/io/printable.h"

namespace cq::hdf5 {
namespace {

constexpr uint64_t kMostBytes = uint64_t{1} << 40;
constexpr int kDeepest = 32;
constexpr size_t kMostObjects = 100'000;

// Values that deflate a hundredfold, or that the file does not hold at all, are a bomb, or so few
// that they do no harm.
constexpr uint64_t kHarmless = 256u << 20;
constexpr uint64_t kMostExpansion = 100;

herr_t keep_deepest(unsigned, const H5E_error2_t* error, void* data) {
  if (error->desc != nullptr) *static_cast<std::string*>(data) = error->desc;
  return 0;
}

Handle make_half() {
  // Fields first: the type cannot become smaller than what it holds.
  Handle half(H5Tcopy(H5T_IEEE_F32LE), H5Tclose);
  H5Tset_fields(half.get(), 15, 10, 5, 0, 10);
  H5Tset_size(half.get(), 2);
  H5Tset_ebias(half.get(), 15);
  return half;
}

std::vector<int64_t> read_shape(hid_t dataset) {
  const Handle space(H5Dget_space(dataset), H5Sclose);
  const int rank = space.ok() ? H5Sget_simple_extent_ndims(space.get()) : -1;
  if (rank < 0) return {};
  std::vector<hsize_t> sizes(static_cast<size_t>(rank));
  H5Sget_simple_extent_dims(space.get(), sizes.data(), nullptr);
  return {sizes.begin(), sizes.end()};
}

// Data in other files would be read from wherever the file says.
bool lies_elsewhere(hid_t dataset) {
  const Handle properties(H5Dget_create_plist(dataset), H5Pclose);
  if (!properties.ok()) return true;
  return H5Pget_layout(properties.get()) == H5D_VIRTUAL ||
         H5Pget_external_count(properties.get()) != 0;
}

// Throws where reading `bytes`, or one chunk, takes memory that no bytes of the file pay for.
void check_expansion(hid_t dataset, uint64_t bytes, size_t width, const std::string& where) {
  const uint64_t stored = H5Dget_storage_size(dataset);
  const Handle properties(H5Dget_create_plist(dataset), H5Pclose);
  std::array<hsize_t, H5S_MAX_RANK> chunk{};
  if (H5Pget_layout(properties.get()) == H5D_CHUNKED) {
    const int rank = H5Pget_chunk(properties.get(), H5S_MAX_RANK, chunk.data());
    uint64_t chunk_bytes = width;  // a chunk is below 4 GiB
    for (int i = 0; i < rank; ++i) chunk_bytes *= chunk[size_t(i)];
    bytes = std::max(bytes, chunk_bytes);
  }
  if (bytes > kHarmless && bytes / kMostExpansion > stored) {
    throw RunError("{} expands from {} to {} bytes, far beyond what features or weights do", where,
                   stored, bytes);
  }
}

struct Listing {
  std::vector<Dataset> datasets;
  std::string path;
  int depth = 0;
  size_t objects = 0;
  std::string fault;  // what makes the file refused
};

herr_t visit_link(hid_t group, const char* name, const H5L_info_t* link, void* data) {
  auto& listing = *static_cast<Listing*>(data);
  if (link->type != H5L_TYPE_HARD) return 0;
  if (listing.depth > kDeepest || ++listing.objects > kMostObjects) {
    listing.fault =
        listing.depth > kDeepest
            ? fmt::format("groups nested more than {} deep (do they hold themselves?)", kDeepest)
            : fmt::format("more than {} objects", kMostObjects);
    return -1;
  }
  const Handle object(H5Oopen(group, name, H5P_DEFAULT), H5Oclose);
  if (!object.ok()) return -1;
  const std::string path = listing.path + "/" + name;
  if (H5Iget_type(object.get()) == H5I_DATASET) {
    const Handle type(H5Dget_type(object.get()), H5Tclose);
    listing.datasets.push_back({path, {type_name(type.get()), read_shape(object.get())}});
  } else if (H5Iget_type(object.get()) == H5I_GROUP) {
    const std::string before = std::exchange(listing.path, path);
    ++listing.depth;
    const herr_t result =
        H5Literate(object.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, visit_link, data);
    --listing.depth;
    listing.path = before;
    return result;
  }
  return 0;
}

}  // namespace

std::unique_lock<std::recursive_mutex> lock() {
  static std::recursive_mutex mutex;
  static const bool prepared = [] {
    // At exit the library would close, and crash on, a file that a full disk kept it from closing.
    H5dont_atexit();
    H5PLset_loading_state(0);  // a file must not choose code to load
    return true;
  }();
  // Every thread has an error stack of its own, and prints it unless told otherwise.
  thread_local const bool silent = H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0;
  static_cast<void>(prepared);
  static_cast<void>(silent);
  return std::unique_lock(mutex);
}

void fail(const std::string& action, const std::filesystem::path& path) {
  std::string reason = "the HDF5 library gives no reason";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, keep_deepest, &reason);
  const size_t code = reason.find("errno = ");
  if (code != std::string::npos) {
    throw_file_error(action, path, std::atoi(reason.c_str() + code + 8));
  }
  throw RunError("{} {}: {}", action, printable(path.native()), printable(reason));
}

Handle open_for_reading(const std::filesystem::path& path) {
  Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  if (!file.ok()) fail("cannot open as HDF5", path);
  return file;
}

bool is_hdf5(const std::filesystem::path& path) {
  const auto guard = lock();
  std::error_code error;
  return std::filesystem::is_regular_file(path, error) && H5Fis_hdf5(path.c_str()) > 0;
}

Handle file_type(at::ScalarType type) {
  switch (type) {
    case at::kHalf:
      return make_half();
    case at::kFloat:
      return {H5Tcopy(H5T_IEEE_F32LE), H5Tclose};
    case at::kDouble:
      return {H5Tcopy(H5T_IEEE_F64LE), H5Tclose};
    case at::kLong:
      return {H5Tcopy(H5T_STD_I64LE), H5Tclose};
    case at::kInt:
      return {H5Tcopy(H5T_STD_I32LE), H5Tclose};
    case at::kShort:
      return {H5Tcopy(H5T_STD_I16LE), H5Tclose};
    case at::kChar:
      return {H5Tcopy(H5T_STD_I8LE), H5Tclose};
    case at::kByte:
      return {H5Tcopy(H5T_STD_U8LE), H5Tclose};
    case at::kUInt16:
      return {H5Tcopy(H5T_STD_U16LE), H5Tclose};
    case at::kUInt32:
      return {H5Tcopy(H5T_STD_U32LE), H5Tclose};
    case at::kUInt64:
      return {H5Tcopy(H5T_STD_U64LE), H5Tclose};
    default:
      return {};
  }
}

std::string type_name(hid_t type) {
  const H5T_class_t kind = H5Tget_class(type);
  const size_t width = H5Tget_size(type);
  const std::string bits = std::to_string(8 * width);
  if (kind == H5T_FLOAT)
    return (width == 2 || width == 4 || width == 8 ? std::string("F") : std::string("float")) +
           bits;
  if (kind == H5T_INTEGER) return (H5Tget_sign(type) == H5T_SGN_NONE ? "U" : "I") + bits;
  if (kind == H5T_STRING) return "string";
  if (kind == H5T_COMPOUND) return "record";
  if (kind == H5T_ENUM) return "enumeration";
  return "other";
}

std::vector<Dataset> list_datasets(hid_t file, const std::filesystem::path& path) {
  Listing listing;
  if (H5Literate(file, H5_INDEX_NAME, H5_ITER_INC, nullptr, visit_link, &listing) < 0) {
    if (listing.fault.empty()) fail("cannot list", path);
    throw RunError("{}: {}", printable(path.native()), listing.fault);
  }
  return std::move(listing.datasets);
}

at::Tensor read_dataset(hid_t file, const std::string& name, const std::filesystem::path& path,
                        const Slice* slice) {
  const std::string where = fmt::format("'{}' of", printable(name));
  const Handle dataset(H5Dopen2(file, name.c_str(), H5P_DEFAULT), H5Dclose);
  if (!dataset.ok()) fail("cannot open " + where, path);
  if (lies_elsewhere(dataset.get())) {
    throw RunError("{}: '{}' keeps its data in other files, which are not read",
                   printable(path.native()), printable(name));
  }
  const Handle stored(H5Dget_type(dataset.get()), H5Tclose);
  const auto type = dtype_from_name(type_name(stored.get()));
  const Handle memory = type ? file_type(*type) : Handle();
  if (!memory.ok()) {
    throw RunError("{}: '{}' holds values of type {}, expected numbers", printable(path.native()),
                   printable(name), type_name(stored.get()));
  }
  std::vector<int64_t> shape = read_shape(dataset.get());
  const Handle source(H5Dget_space(dataset.get()), H5Sclose);
  if (slice != nullptr) {
    if (H5Sselect_hyperslab(source.get(), H5S_SELECT_SET, slice->start.data(), nullptr,
                            slice->count.data(), nullptr) < 0) {
      fail("cannot select a part of " + where, path);
    }
    shape.assign(slice->count.begin(), slice->count.end());
  }
  const auto numel = checked_numel(shape);
  if (!numel || static_cast<uint64_t>(*numel) * c10::elementSize(*type) > kMostBytes) {
    throw RunError("{}: '{}' of shape {} is too large", printable(path.native()), printable(name),
                   shape_text(shape));
  }
  check_expansion(dataset.get(), static_cast<uint64_t>(*numel) * c10::elementSize(*type),
                  c10::elementSize(*type),
                  fmt::format("{}: '{}'", printable(path.native()), printable(name)));
  at::Tensor result = at::empty(shape, at::TensorOptions().dtype(*type));
  if (*numel == 0) return result;
  std::vector<hsize_t> sizes(shape.begin(), shape.end());
  const Handle target(shape.empty()
                          ? H5Screate(H5S_SCALAR)
                          : H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr),
                      H5Sclose);
  if (H5Dread(dataset.get(), memory.get(), target.get(), source.get(), H5P_DEFAULT,
              result.data_ptr()) < 0) {
    fail("cannot read " + where, path);
  }
  return result;
}

void write_dataset(hid_t file, const std::string& name, const at::Tensor& value,
                   const std::filesystem::path& path) {
  const at::Tensor data = value.cpu().contiguous();
  const Handle type = file_type(data.scalar_type());
  const std::vector<hsize_t> sizes(data.sizes().begin(), data.sizes().end());
  const Handle space(sizes.empty()
                         ? H5Screate(H5S_SCALAR)
                         : H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr),
                     H5Sclose);
  const Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(links.get(), 1);
  const Handle dataset(H5Dcreate2(file, name.c_str(), type.get(), space.get(), links.get(),
                                  H5P_DEFAULT, H5P_DEFAULT),
                       H5Dclose);
  const bool done =
      dataset.ok() && (data.numel() == 0 || H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL,
                                                     H5P_DEFAULT, data.const_data_ptr()) >= 0);
  if (!done) fail("cannot write", path);
}

namespace {

Handle text_type() {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return type;
}

void write_scalar_attribute(hid_t object, const char* name, hid_t type, const void* value) {
  if (H5Aexists(object, name) > 0) H5Adelete(object, name);
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const Handle attribute(H5Acreate2(object, name, type, space.get(), H5P_DEFAULT, H5P_DEFAULT),
                         H5Aclose);
  if (!attribute.ok() || H5Awrite(attribute.get(), type, value) < 0) {
    throw RunError("cannot write the attribute '{}' of an HDF5 file", name);
  }
}

Handle open_attribute(hid_t object, const char* name, H5T_class_t kind,
                      const std::filesystem::path& path) {
  Handle attribute(H5Aopen(object, name, H5P_DEFAULT), H5Aclose);
  if (!attribute.ok()) {
    throw RunError("{}: the attribute '{}' is missing", printable(path.native()), name);
  }
  const Handle type(H5Aget_type(attribute.get()), H5Tclose);
  const Handle space(H5Aget_space(attribute.get()), H5Sclose);
  if (H5Tget_class(type.get()) != kind || H5Sget_simple_extent_npoints(space.get()) != 1 ||
      (kind == H5T_STRING && H5Tis_variable_str(type.get()) <= 0)) {
    throw RunError("{}: the attribute '{}' has another type than expected",
                   printable(path.native()), name);
  }
  return attribute;
}

}  // namespace

void write_attribute(hid_t object, const char* name, const std::string& value) {
  const char* text = value.c_str();
  write_scalar_attribute(object, name, text_type().get(), &text);
}

void write_attribute(hid_t object, const char* name, int64_t value) {
  write_scalar_attribute(object, name, H5T_STD_I64LE, &value);
}

std::string read_text_attribute(hid_t object, const char* name, const std::filesystem::path& path) {
  const Handle attribute = open_attribute(object, name, H5T_STRING, path);
  char* text = nullptr;
  if (H5Aread(attribute.get(), text_type().get(), &text) < 0 || text == nullptr) {
    fail(std::string("cannot read the attribute '") + name + "' of", path);
  }
  std::string result = text;
  H5free_memory(text);
  return result;
}

int64_t read_integer_attribute(hid_t object, const char* name, const std::filesystem::path& path) {
  const Handle attribute = open_attribute(object, name, H5T_INTEGER, path);
  int64_t value = 0;
  if (H5Aread(attribute.get(), H5T_NATIVE_INT64, &value) < 0) {
    fail(std::string("cannot read the attribute '") + name + "' of", path);
  }
  return value;
}

}  // namespace cq::hdf5
