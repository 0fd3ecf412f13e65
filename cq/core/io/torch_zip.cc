#include <ATen/ops/empty.h>

#include "cq/base/error.h"
#include "cq/core/io/printable.h"
#include "cq/core/io/torch_storages.h"
#include "cq/core/io/zip_archive.h"

namespace cq {
namespace {

constexpr uint64_t kMostPickleBytes = 64u << 20;

class ZipStorages : public TorchStorages {
 public:
  ZipStorages(std::shared_ptr<ZipArchive> zip, std::string folder)
      : zip_(std::move(zip)), folder_(std::move(folder)) {}

  uint64_t bytes(const std::string& key) const override {
    return zip_->member(folder_ + "data/" + key).size;
  }

  at::Tensor read(const std::string& key) const override {
    at::Tensor result = at::empty({static_cast<int64_t>(bytes(key))}, at::kByte);
    zip_->read_into(folder_ + "data/" + key, result.data_ptr());
    return result;
  }

 private:
  std::shared_ptr<ZipArchive> zip_;
  std::string folder_;  // "" or "name/"
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
