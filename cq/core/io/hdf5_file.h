#pragma once
// The C interface of HDF5 with owned handles and errors as exceptions. Only for cq/core/io.
#include <filesystem>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <hdf5.h>

#include "cq/core/io/dtype.h"

namespace cq::hdf5 {

/// The library may be used by one thread at a time.
std::unique_lock<std::recursive_mutex> lock();

/// Throws the library's newest error: StorageError for a full disk, RunError otherwise, as
/// "<action> <path>: <reason>".
[[noreturn]] void fail(const std::string& action, const std::filesystem::path& path);

/// An identifier of the library that is closed with its object.
class Handle {
 public:
  Handle() = default;
  Handle(hid_t id, herr_t (*closer)(hid_t)) : id_(id), close_(closer) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Handle() { close(); }

  hid_t get() const { return id_; }
  bool ok() const { return id_ >= 0; }
  bool close() { return id_ < 0 || close_(std::exchange(id_, -1)) >= 0; }

 private:
  hid_t id_ = -1;
  herr_t (*close_)(hid_t) = nullptr;
};

Handle open_for_reading(const std::filesystem::path& path);
bool is_hdf5(const std::filesystem::path& path);

/// The type of the file for elements of `type` (float16 as IEEE half); invalid where there is none.
Handle file_type(at::ScalarType type);

/// "F16", "I64", ... or a description in words of a type that no tensor has ("string", "record").
std::string type_name(hid_t type);

struct Dataset {
  std::string path;  // "/features/mid"
  TensorInfo info;
};

/// All data sets below the root, in order of their names; links to elsewhere are not followed.
std::vector<Dataset> list_datasets(hid_t file, const std::filesystem::path& path);

/// Rows [begin, end) of the first dimension (or of the first two) of a data set.
struct Slice {
  std::vector<hsize_t> start, count;
};

/// Reads a data set, or a part of it. Throws RunError where its type or its storage (external
/// files, virtual data sets) is refused or it is damaged.
at::Tensor read_dataset(hid_t file, const std::string& name, const std::filesystem::path& path,
                        const Slice* slice = nullptr);

/// Creates a data set and its groups, and writes it whole.
void write_dataset(hid_t file, const std::string& name, const at::Tensor& value,
                   const std::filesystem::path& path);

void write_attribute(hid_t object, const char* name, const std::string& value);
void write_attribute(hid_t object, const char* name, int64_t value);
std::string read_text_attribute(hid_t object, const char* name, const std::filesystem::path& path);
int64_t read_integer_attribute(hid_t object, const char* name, const std::filesystem::path& path);

}  // namespace cq::hdf5
