#include "cq/core/io/zip_archive.h"

#include <algorithm>
#include <fstream>
#include <mutex>
#include <utility>

#include <zip.h>

#include "cq/base/error.h"
#include "cq/core/io/printable.h"

namespace cq {
namespace {

// Weights do not shrink a hundredfold; what does is a bomb, or so small that it does no harm.
constexpr uint64_t kHarmless = 256u << 20;
constexpr uint64_t kMostExpansion = 100;

bool is_bomb(uint64_t expanded, uint64_t compressed) {
  return expanded > kHarmless && expanded / kMostExpansion > compressed;
}

struct OpenMember {
  zip_file_t* file;
  ~OpenMember() {
    if (file != nullptr) zip_fclose(file);
  }
};

}  // namespace

struct ZipArchive::Handle {
  zip_t* zip = nullptr;
  std::mutex mutex;

  ~Handle() {
    if (zip != nullptr) zip_discard(zip);
  }
};

ZipArchive::ZipArchive(ZipArchive&&) noexcept = default;
ZipArchive& ZipArchive::operator=(ZipArchive&&) noexcept = default;
ZipArchive::~ZipArchive() = default;

ZipArchive::ZipArchive(std::filesystem::path path)
    : path_(std::move(path)), handle_(std::make_unique<Handle>()) {}

ZipArchive ZipArchive::open(const std::filesystem::path& path) {
  ZipArchive result(path);
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    throw RunError("{}: expected a zip file, it is no regular file", printable(path.native()));
  }
  int code = 0;
  result.handle_->zip = zip_open(path.c_str(), ZIP_RDONLY, &code);
  if (result.handle_->zip == nullptr) {
    zip_error_t zip_error;
    zip_error_init_with_code(&zip_error, code);
    const std::string reason = zip_error_strerror(&zip_error);
    zip_error_fini(&zip_error);
    throw RunError("{}: not a valid zip file: {}", printable(path.native()), reason);
  }
  result.list_members();
  result.check_expansion();
  return result;
}

void ZipArchive::list_members() {
  const std::string file = printable(path_.native());
  const zip_int64_t count = zip_get_num_entries(handle_->zip, 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    zip_stat_t stat;
    const auto index = static_cast<zip_uint64_t>(i);
    constexpr zip_uint64_t kNeeded =
        ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if (zip_stat_index(handle_->zip, index, ZIP_FL_ENC_RAW, &stat) != 0 ||
        (stat.valid & kNeeded) != kNeeded) {
      throw RunError("{}: member {} of the zip file has no name or size", file, i);
    }
    const std::string name = stat.name;
    if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE) {
      throw RunError("{}: '{}' uses compression method {}, expected stored (0) or deflated (8)",
                     file, printable(name), stat.comp_method);
    }
    if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && stat.encryption_method != ZIP_EM_NONE) {
      throw RunError("{}: '{}' is encrypted", file, printable(name));
    }
    if (!index_.emplace(name, members_.size()).second) {
      throw RunError("{}: '{}' occurs twice in the zip file", file, printable(name));
    }
    if (stat.comp_method == ZIP_CM_STORE && stat.size != stat.comp_size) {
      throw RunError("{}: '{}' is stored in {} bytes but has {}", file, printable(name),
                     stat.comp_size, stat.size);
    }
    members_.push_back({name, stat.size, stat.comp_size});
  }
}

void ZipArchive::check_expansion() const {
  const std::string file = printable(path_.native());
  const uint64_t file_bytes = std::filesystem::file_size(path_);
  uint64_t compressed = 0, expanded = 0;
  for (const Member& m : members_) {
    if (m.compressed > file_bytes - std::min(compressed, file_bytes)) {
      throw RunError(
          "{}: members hold more bytes than the file ('{}' and those before it): they "
          "overlap or lie about their sizes",
          file, printable(m.name));
    }
    if (is_bomb(m.size, m.compressed)) {
      throw RunError("{}: '{}' expands from {} to {} bytes, far beyond what weights or images do",
                     file, printable(m.name), m.compressed, m.size);
    }
    compressed += m.compressed;
    expanded += m.size;  // cannot wrap: each is at most 100 times a part of the file
  }
  if (is_bomb(expanded, file_bytes)) {
    throw RunError("{}: its members expand to {} bytes from a file of {}", file, expanded,
                   file_bytes);
  }
}

const ZipArchive::Member& ZipArchive::member(const std::string& name) const {
  const auto found = index_.find(name);
  if (found == index_.end()) {
    throw RunError("{}: holds no member '{}'", printable(path_.native()), printable(name));
  }
  return members_[found->second];
}

std::vector<uint8_t> ZipArchive::read(const std::string& name) const {
  std::vector<uint8_t> bytes(member(name).size);
  read_into(name, bytes.data());
  return bytes;
}

void ZipArchive::read_into(const std::string& name, void* target) const {
  stream(name).read(target, member(name).size);
}

struct ZipArchive::Stream::File : OpenMember {
  explicit File(zip_file_t* opened) : OpenMember{opened} {}
};

ZipArchive::Stream::Stream(const ZipArchive& archive, const std::string& name)
    : archive_(archive), name_(name), left_(archive.member(name).size) {
  const std::lock_guard lock(archive.handle_->mutex);
  file_ = std::make_unique<File>(zip_fopen_index(archive.handle_->zip, archive.index_.at(name), 0));
  if (file_->file == nullptr) fail(zip_strerror(archive.handle_->zip));
}

ZipArchive::Stream::Stream(Stream&& other) noexcept = default;

ZipArchive::Stream::~Stream() {
  const std::lock_guard lock(archive_.handle_->mutex);
  file_.reset();
}

void ZipArchive::Stream::fail(const std::string& reason) const {
  throw RunError("{}: '{}' is damaged: {}", printable(archive_.path_.native()), printable(name_),
                 reason);
}

void ZipArchive::Stream::read(void* target, uint64_t bytes) {
  const std::lock_guard lock(archive_.handle_->mutex);
  auto* next = static_cast<char*>(target);
  left_ -= bytes;
  while (bytes > 0) {
    const zip_int64_t got = zip_fread(file_->file, next, std::min<uint64_t>(bytes, 1u << 30));
    if (got < 0) fail(zip_file_strerror(file_->file));
    if (got == 0) fail("it ends early");
    next += got;
    bytes -= static_cast<uint64_t>(got);
  }
  if (left_ > 0) return;
  // The CRC is compared when the end is reached.
  char beyond = 0;
  const zip_int64_t end = zip_fread(file_->file, &beyond, 1);
  if (end < 0) fail(zip_file_strerror(file_->file));
  if (end > 0) fail("it is longer than its declared size");
}

std::vector<uint8_t> ZipArchive::read_start(const std::string& name, uint64_t bytes) const {
  std::vector<uint8_t> result(std::min(bytes, member(name).size));
  const std::lock_guard lock(handle_->mutex);
  const OpenMember open{zip_fopen_index(handle_->zip, index_.at(name), 0)};
  size_t filled = 0;
  while (open.file != nullptr && filled < result.size()) {
    const zip_int64_t got = zip_fread(open.file, result.data() + filled, result.size() - filled);
    if (got <= 0) break;
    filled += static_cast<size_t>(got);
  }
  if (filled < result.size()) {
    throw RunError("{}: '{}' is damaged: it ends early", printable(path_.native()),
                   printable(name));
  }
  return result;
}

bool is_zip(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  char start[4] = {};
  file.read(start, 4);
  const std::string_view magic(start, 4);
  return file && (magic == "PK\x03\x04" || magic == std::string_view("PK\x05\x06", 4));
}

}  // namespace cq
