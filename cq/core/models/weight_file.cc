#include "cq/core/io/safetensors.h"
#include "cq/core/models/model.h"

namespace cq {

namespace {

class FileSource : public WeightSource {
 public:
  explicit FileSource(const std::filesystem::path& path)
      : path_(path), file_(SafeTensors::open(path)) {}
  std::vector<std::string> names() const override { return file_.names(); }
  bool has(const std::string& name) const override { return file_.contains(name); }
  at::Tensor get(const std::string& name) const override { return file_.tensor(name); }
  std::string description() const override { return path_.string(); }

 private:
  std::filesystem::path path_;
  SafeTensors file_;
};

}  // namespace

std::shared_ptr<const WeightSource> open_weights(const std::filesystem::path& path) {
  return std::make_shared<FileSource>(path);
}

}  // namespace cq
