#include <mutex>
#include <set>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include "cq/base/error.h"
#include "cq/core/io/crc32.h"
#include "cq/core/io/mapped_file.h"
#include "cq/core/io/printable.h"
#include "cq/core/io/torch_storages.h"
#include "cq/core/io/zip_archive.h"
#include "cq/core/io/zip_stored.h"

namespace cq {
namespace {

constexpr uint64_t kMostPickleBytes = 64u << 20;

class ZipStorages : public TorchStorages {
 public:
  ZipStorages(std::shared_ptr<ZipArchive> zip, std::string folder)
      : zip_(std::move(zip)),
        folder_(std::move(folder)),
        file_(MappedFile::open(zip_->path())),
        stored_(stored_members(file_->bytes())) {}

  uint64_t bytes(const std::string& key) const override {
    return zip_->member(folder_ + "data/" + key).size;
  }

  at::Tensor read(const std::string& key) const override {
    const std::string name = folder_ + "data/" + key;
    const auto size = bytes(key);
    const auto found = stored_.find(name);
    // torch.save stores its members, at multiples of 64 bytes.
    if (size > 0 && found != stored_.end() && found->second.size == size &&
        found->second.offset % kAlignment == 0) {
      return view(name, found->second);
    }
    at::Tensor result = at::empty({static_cast<int64_t>(size)}, at::kByte);
    zip_->read_into(name, result.data_ptr());
    return result;
  }

 private:
  static constexpr uint64_t kAlignment = 16;

  at::Tensor view(const std::string& name, const StoredMember& member) const {
    {
      const std::lock_guard lock(mutex_);
      if (checked_.insert(name).second &&
          crc32(file_->bytes().subspan(member.offset, member.size)) != member.crc) {
        checked_.erase(name);
        throw RunError("{}: '{}' is damaged: CRC error", printable(zip_->path().native()),
                       printable(name));
      }
    }
    return at::from_blob(
        file_->data() + member.offset, {static_cast<int64_t>(member.size)},
        [file = file_](void*) {}, at::kByte);
  }

  std::shared_ptr<ZipArchive> zip_;
  std::string folder_;  // "" or "name/"
  std::shared_ptr<MappedFile> file_;
  std::unordered_map<std::string, StoredMember> stored_;
  mutable std::mutex mutex_;
  mutable std::set<std::string> checked_;  // whose CRC was right
};

std::string find_folder(const ZipArchive& zip) {
  constexpr std::string_view kPickle = "data.pkl";
  for (const ZipArchive::Member& member : zip.members()) {
    const bool found = member.name == kPickle || member.name.ends_with("/data.pkl");
    if (found) return member.name.substr(0, member.name.size() - kPickle.size());
  }
  throw RunError("a zip file without data.pkl is no torch checkpoint");
}

}  // namespace

TorchParts open_torch_zip(const std::filesystem::path& path) {
  const auto zip = std::make_shared<ZipArchive>(ZipArchive::open(path));
  const std::string folder = find_folder(*zip);
  if (zip->contains(folder + "constants.pkl")) {
    throw RunError("a TorchScript archive holds code; save the state_dict instead");
  }
  const std::string order = folder + "byteorder";
  if (zip->contains(order)) {
    const auto text = zip->read_start(order, 6);
    if (std::string(text.begin(), text.end()) != "little") {
      throw RunError("its byte order is '{}', expected little",
                     printable(std::string(text.begin(), text.end())));
    }
  }
  const ZipArchive::Member& pickle = zip->member(folder + "data.pkl");
  if (pickle.size > kMostPickleBytes) {
    throw RunError("data.pkl has {} bytes, expected at most {}", pickle.size, kMostPickleBytes);
  }
  return {std::make_shared<Pickle>(zip->read(pickle.name)),
          std::make_shared<ZipStorages>(zip, folder)};
}

}  // namespace cq
