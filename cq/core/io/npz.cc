#include "cq/core/io/npz.h"

#include <cerrno>
#include <deque>
#include <memory>

#include <ATen/ops/empty.h>
#include <zip.h>

#include "cq/base/error.h"
#include "cq/core/io/atomic_file.h"
#include "cq/core/io/npy.h"
#include "cq/core/io/printable.h"

namespace cq {
namespace {

// Longer than any header that NumPy writes for a plain array; a longer one is read again in full.
constexpr uint64_t kUsualHeader = 512;
constexpr uint64_t kLongestHeader = (1u << 20) + 12;
constexpr std::string_view kSuffix = ".npy";

NpyHeader read_header(const ZipArchive& zip, const ZipArchive::Member& member,
                      const std::string& where) {
  const std::vector<uint8_t> start = zip.read_start(member.name, kUsualHeader);
  const bool complete = start.size() < 12 || start[6] == 1 || member.size <= kUsualHeader;
  const size_t length = start.size() < 12 ? 0 : start[8] | static_cast<size_t>(start[9]) << 8;
  NpyHeader header;
  if (complete && length + 12 <= kUsualHeader) {
    header = parse_npy_header(start, where);
  } else {
    header = parse_npy_header(zip.read_start(member.name, kLongestHeader), where);
  }
  if (header.data + header.data_size != member.size) {
    throw RunError("{}: {} of shape {} needs {} bytes with its header, the member has {}", where,
                   header.info.dtype, shape_text(header.info.shape), header.data + header.data_size,
                   member.size);
  }
  return header;
}

class ZipWriter {
 public:
  explicit ZipWriter(const std::filesystem::path& path) : staged_(stage_file(path)) {
    int code = 0;
    zip_ = zip_open(staged_->path().c_str(), ZIP_CREATE | ZIP_EXCL, &code);
    if (zip_ == nullptr) throw_file_error("cannot create", path, errno);
  }
  ZipWriter(const ZipWriter&) = delete;
  ZipWriter& operator=(const ZipWriter&) = delete;
  ~ZipWriter() {
    if (zip_ != nullptr) zip_discard(zip_);
  }

  // The fragments must stay where they are until close().
  void add(const std::string& name, std::vector<zip_buffer_fragment_t> fragments, bool compressed) {
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t* source =
        zip_source_buffer_fragment_create(fragments.data(), fragments.size(), 0, &error);
    if (source == nullptr) fail("out of memory");
    const zip_int64_t index = zip_file_add(zip_, name.c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
      zip_source_free(source);
      fail(zip_strerror(zip_));
    }
    const auto i = static_cast<zip_uint64_t>(index);
    constexpr zip_uint16_t kFirstDay = 33;  // 1980-01-01
    if (zip_set_file_compression(zip_, i, compressed ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(zip_, i, 0, kFirstDay, 0) != 0) {
      fail(zip_strerror(zip_));
    }
  }

  void close() {
    if (zip_close(zip_) != 0) {
      zip_error_t* error = zip_get_error(zip_);
      const bool system = zip_error_system_type(error) == ZIP_ET_SYS;
      if (system) throw_file_error("cannot write", staged_->target(), zip_error_code_system(error));
      fail(zip_strerror(zip_));
    }
    zip_ = nullptr;
    staged_->commit();
  }

 private:
  [[noreturn]] void fail(const std::string& reason) const {
    throw RunError("{}: cannot write: {}", printable(staged_->target().native()), reason);
  }

  std::unique_ptr<StagedFile> staged_;
  zip_t* zip_ = nullptr;
};

}  // namespace

Npz Npz::open(const std::filesystem::path& path) {
  Npz result(ZipArchive::open(path));
  const std::string file = printable(path.native());
  for (const ZipArchive::Member& member : result.zip_.members()) {
    const std::string where = file + ": '" + printable(member.name) + "'";
    if (!member.name.ends_with(kSuffix)) {
      throw RunError("{}: expected only members that end in .npy", where);
    }
    const std::string name = member.name.substr(0, member.name.size() - kSuffix.size());
    result.infos_.emplace(name, read_header(result.zip_, member, where).info);
    result.names_.push_back(name);
  }
  return result;
}

const TensorInfo& Npz::info(const std::string& name) const {
  const auto found = infos_.find(name);
  if (found == infos_.end()) {
    throw RunError("{}: holds no array '{}'", printable(zip_.path().native()), printable(name));
  }
  return found->second;
}

NpyHeader Npz::header(const std::string& name) const {
  info(name);
  const std::string member = name + std::string(kSuffix);
  return read_header(zip_, zip_.member(member),
                     printable(zip_.path().native()) + ": '" + printable(member) + "'");
}

at::Tensor Npz::tensor(const std::string& name) const {
  info(name);
  const std::string member = name + std::string(kSuffix);
  const uint64_t size = zip_.member(member).size;
  const at::Tensor bytes = at::empty({static_cast<int64_t>(size)}, at::kByte);
  zip_.read_into(member, bytes.data_ptr());
  return parse_npy({static_cast<uint8_t*>(bytes.data_ptr()), size},
                   std::make_shared<at::Tensor>(bytes),
                   printable(zip_.path().native()) + ": '" + printable(member) + "'");
}

void write_npz(const std::filesystem::path& path,
               const std::vector<std::pair<std::string, at::Tensor>>& arrays, bool compressed) {
  // The zip library reads the arrays when the archive is closed.
  std::deque<std::pair<std::string, at::Tensor>> kept;
  ZipWriter zip(path);
  for (const auto& [name, array] : arrays) {
    const at::Tensor bytes = array.cpu().contiguous();
    const auto& [header, tensor] = kept.emplace_back(npy_header_text(bytes), bytes);
    std::vector<zip_buffer_fragment_t> fragments;
    const auto add = [&](const void* data, size_t size) {
      auto* start = static_cast<zip_uint8_t*>(const_cast<void*>(data));
      if (size > 0) fragments.push_back({start, size});
    };
    add(header.data(), header.size());
    add(tensor.const_data_ptr(), tensor.nbytes());
    zip.add(name + std::string(kSuffix), fragments, compressed);
  }
  zip.close();
}

}  // namespace cq
