#include "cq/core/io/array_file.h"

#include <algorithm>
#include <utility>

#include "cq/core/io/hdf5_checkpoint.h"
#include "cq/core/io/hdf5_file.h"
#include "cq/core/io/npy.h"
#include "cq/core/io/npz.h"
#include "cq/core/io/printable.h"

namespace cq {
namespace {

/// Rows of an array that had to be read whole.
class WholeRows : public RowReader {
 public:
  explicit WholeRows(at::Tensor all) : all_(std::move(all)) {}
  at::Tensor next(int64_t n) override {
    const int64_t begin = std::exchange(at_, std::min(at_ + n, all_.size(0)));
    return all_.slice(0, begin, at_);
  }

 private:
  at::Tensor all_;
  int64_t at_ = 0;
};

class NpzRows : public RowReader {
 public:
  NpzRows(const std::filesystem::path& path, const std::string& member, const NpyHeader& header)
      : zip_(ZipArchive::open(path)), stream_(zip_.stream(member)), header_(header) {
    std::vector<uint8_t> skipped(header.data);
    stream_.read(skipped.data(), skipped.size());
  }
  at::Tensor next(int64_t n) override {
    std::vector<int64_t> shape = header_.info.shape;
    shape[0] = std::min(n, shape[0] - at_);
    at_ += shape[0];
    const at::Tensor rows = at::empty(shape, header_.type);
    stream_.read(rows.mutable_data_ptr(), rows.nbytes());
    return rows;
  }

 private:
  ZipArchive zip_;
  ZipArchive::Stream stream_;
  NpyHeader header_;
  int64_t at_ = 0;
};

class NpzArrays : public ArrayFile {
 public:
  explicit NpzArrays(const std::filesystem::path& path) : path_(path), npz_(Npz::open(path)) {}
  const std::vector<std::string>& names() const override { return npz_.names(); }
  bool contains(const std::string& name) const override { return npz_.contains(name); }
  const TensorInfo& info(const std::string& name) const override { return npz_.info(name); }
  at::Tensor tensor(const std::string& name) const override { return npz_.tensor(name); }
  std::unique_ptr<RowReader> rows(const std::string& name) const override {
    const NpyHeader header = npz_.header(name);
    const bool plain = header.width == c10::elementSize(header.type);
    if (header.fortran || header.swapped || !plain)
      return std::make_unique<WholeRows>(tensor(name));
    return std::make_unique<NpzRows>(path_, name + ".npy", header);
  }

 private:
  std::filesystem::path path_;
  Npz npz_;
};

class Hdf5Rows : public RowReader {
 public:
  Hdf5Rows(const std::filesystem::path& path, std::string name, const std::vector<int64_t>& shape)
      : path_(path), name_(std::move(name)), count_(shape.begin(), shape.end()) {
    const auto guard = hdf5::lock();
    file_ = hdf5::open_for_reading(path);
  }
  ~Hdf5Rows() override {
    const auto guard = hdf5::lock();
    file_.close();
  }
  at::Tensor next(int64_t n) override {
    hdf5::Slice slice{std::vector<hsize_t>(count_.size()), count_};
    slice.start[0] = at_;
    slice.count[0] = std::min(static_cast<hsize_t>(n), count_[0] - at_);
    at_ += slice.count[0];
    const auto guard = hdf5::lock();
    return hdf5::read_dataset(file_.get(), name_, path_, &slice);
  }

 private:
  std::filesystem::path path_;
  std::string name_;
  std::vector<hsize_t> count_;
  hdf5::Handle file_;
  hsize_t at_ = 0;
};

class Hdf5Arrays : public ArrayFile {
 public:
  explicit Hdf5Arrays(const std::filesystem::path& path)
      : path_(path), file_(Hdf5Checkpoint::open(path)) {}
  const std::vector<std::string>& names() const override { return file_.names(); }
  bool contains(const std::string& name) const override { return file_.contains(name); }
  const TensorInfo& info(const std::string& name) const override { return file_.info(name); }
  at::Tensor tensor(const std::string& name) const override { return file_.tensor(name); }
  std::unique_ptr<RowReader> rows(const std::string& name) const override {
    return std::make_unique<Hdf5Rows>(path_, name, info(name).shape);
  }

 private:
  std::filesystem::path path_;
  Hdf5Checkpoint file_;
};

}  // namespace

std::unique_ptr<ArrayFile> ArrayFile::open(const std::filesystem::path& path) {
  if (is_hdf5_file(path)) return std::make_unique<Hdf5Arrays>(path);
  return std::make_unique<NpzArrays>(path);
}

}  // namespace cq
