#include "cq/core/io/checkpoint.h"

#include <algorithm>
#include <utility>

#include "cq/base/error.h"
#include "cq/core/io/checkpoint_folder.h"
#include "cq/core/io/hdf5_checkpoint.h"
#include "cq/core/io/mapped_file.h"
#include "cq/core/io/npz.h"
#include "cq/core/io/printable.h"
#include "cq/core/io/safetensors.h"
#include "cq/core/io/torch_file.h"
#include "cq/core/io/zip_archive.h"

namespace cq {
namespace {

template <class File>
class FileCheckpoint : public Checkpoint {
 public:
  FileCheckpoint(File file, std::string format)
      : file_(std::move(file)), format_(std::move(format)) {}

  std::string format() const override { return format_; }
  const std::vector<std::string>& names() const override { return file_.names(); }
  bool contains(const std::string& name) const override { return file_.contains(name); }
  const TensorInfo& info(const std::string& name) const override { return file_.info(name); }
  at::Tensor tensor(const std::string& name) const override { return file_.tensor(name); }

 private:
  File file_;
  std::string format_;
};

template <class File>
std::unique_ptr<Checkpoint> wrap(File file, const char* format) {
  return std::make_unique<FileCheckpoint<File>>(std::move(file), format);
}

}  // namespace

std::unique_ptr<Checkpoint> open_checkpoint(const std::filesystem::path& path) {
  std::error_code none;
  if (std::filesystem::is_directory(path, none)) return open_folder_checkpoint(path);
  const auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (is_hdf5_file(path)) return wrap(Hdf5Checkpoint::open(path), "hdf5");
  if (is_zip(path)) {
    const auto members = ZipArchive::open(path).members();
    const bool npz = !members.empty() && std::ranges::all_of(members, [](const auto& member) {
      return member.name.ends_with(".npy");
    });
    return npz ? wrap(Npz::open(path), "npz") : wrap(TorchFile::open(path), "torch");
  }
  if (text.size() > 8 && text[8] == '{') return wrap(SafeTensors::open(path), "safetensors");
  if (text.starts_with('\x80')) return wrap(TorchFile::open(path), "torch");
  throw RunError(
      "{}: no checkpoint that can be read, expected safetensors, HDF5, a torch file (zip or "
      "legacy pickle) or npz",
      printable(path.native()));
}

}  // namespace cq
