#include <algorithm>

#include "cq/base/error.h"
#include "cq/core/io/checkpoint.h"
#include "cq/core/io/checkpoint_folder.h"
#include "cq/core/io/mapped_file.h"
#include "cq/core/models/model.h"
#include "cq/core/models/weight_layout.h"
#include "cq/core/quant/packed.h"

namespace fs = std::filesystem;

namespace cq {

namespace {

/// One checkpoint, which may be cut into several files.
class FileSource : public WeightSource {
 public:
  FileSource(const fs::path& place, const std::vector<fs::path>& files) : place_(place) {
    std::vector<std::string> names;
    for (const auto& path : files) {
      files_.push_back(open_checkpoint(path));
      for (const auto& name : files_.back()->names()) {
        names.push_back(name);
        if (!where_.emplace(name, files_.back().get()).second) {
          throw RunError("{}: another shard holds '{}' too", path.string(), name);
        }
      }
    }
    layout_ = recognise_layout(names);
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, entry] : layout_.tensors) names.push_back(name);
    return names;
  }
  bool has(const std::string& name) const override { return layout_.tensors.contains(name); }
  at::Tensor get(const std::string& name) const override {
    const auto& entry = layout_.tensors.at(name);
    auto value = read(entry.name);
    for (const auto& copy : entry.copies) {
      const auto other = read(copy);
      if (!value.equal(other)) {
        throw RunError("{}: {} and {} differ, {} has one of them", description(), entry.name, copy,
                       name);
      }
      release_mapped_pages(other.const_data_ptr(), other.nbytes());
    }
    if (!entry.rows.empty()) value = joined(value, entry.rows);
    return entry.change ? entry.change(value) : value;
  }
  bool implies(const std::string& name) const override { return layout_.implied.contains(name); }
  std::string description() const override {
    return fmt::format("{} (layout: {})", place_.string(), layout_.name);
  }

 private:
  at::Tensor read(const std::string& name) const { return where_.at(name)->tensor(name); }

  at::Tensor joined(const at::Tensor& first, const std::vector<std::string>& others) const {
    std::vector<at::Tensor> rows{first};
    for (const auto& name : others) {
      rows.push_back(read(name));
      if (rows.back().sizes() != first.sizes()) {
        throw RunError("{}: {} has shape [{}], expected [{}]", description(), name,
                       fmt::join(rows.back().sizes(), ", "), fmt::join(first.sizes(), ", "));
      }
    }
    auto all = at::cat(rows, 0);
    for (const auto& part : rows) release_mapped_pages(part.const_data_ptr(), part.nbytes());
    return all;
  }

  fs::path place_;
  std::vector<std::unique_ptr<Checkpoint>> files_;
  std::map<std::string, const Checkpoint*> where_;
  WeightLayout layout_;
};

/// Several checkpoints as one: the networks of a diffusers folder.
class UnitedSource : public WeightSource {
 public:
  UnitedSource(fs::path folder, std::vector<std::unique_ptr<FileSource>> parts)
      : folder_(std::move(folder)), parts_(std::move(parts)) {
    for (const auto& part : parts_) {
      for (const auto& name : part->names()) {
        const auto [entry, added] = where_.emplace(name, part.get());
        if (!added) {
          throw RunError("{} and {} both hold {}; give one of them", entry->second->description(),
                         part->description(), name);
        }
      }
    }
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, part] : where_) names.push_back(name);
    return names;
  }
  bool has(const std::string& name) const override { return where_.contains(name); }
  at::Tensor get(const std::string& name) const override { return where_.at(name)->get(name); }
  bool implies(const std::string& name) const override {
    return std::any_of(parts_.begin(), parts_.end(),
                       [&](const auto& part) { return part->implies(name); });
  }
  std::string description() const override { return folder_.string(); }

 private:
  fs::path folder_;
  std::vector<std::unique_ptr<FileSource>> parts_;
  std::map<std::string, const FileSource*> where_;
};

class AveragedSource : public WeightSource {
 public:
  explicit AveragedSource(std::shared_ptr<const WeightSource> whole) : whole_(std::move(whole)) {}
  std::vector<std::string> names() const override { return whole_->names(); }
  bool has(const std::string& name) const override { return whole_->has(name); }
  at::Tensor get(const std::string& name) const override {
    const auto average = name_of(name);
    return whole_->get(whole_->has(average) ? average : name);
  }
  bool implies(const std::string& name) const override { return whole_->implies(name); }
  std::string description() const override {
    return fmt::format("{}, averaged weights", whole_->description());
  }

 private:
  /// Lightning's averages: `model_ema.` and the name below `model.`, its dots taken out.
  static std::string name_of(const std::string& name) {
    const std::string outer = "model.";
    if (!name.starts_with(outer)) return name;
    auto inner = name.substr(outer.size());
    std::erase(inner, '.');
    return "model_ema." + inner;
  }
  std::shared_ptr<const WeightSource> whole_;
};

std::shared_ptr<const WeightSource> open_folder(const fs::path& folder) {
  std::vector<std::unique_ptr<FileSource>> parts;
  for (const char* child : kPipelineFolders) {
    for (const auto& files : checkpoints_in(folder / child)) {
      parts.push_back(std::make_unique<FileSource>(
          files.size() == 1 ? files.front() : files.front().parent_path(), files));
    }
  }
  if (parts.empty()) throw no_checkpoint_in(folder);
  return std::make_shared<UnitedSource>(folder, std::move(parts));
}

}  // namespace

std::shared_ptr<const WeightSource> open_weights(const fs::path& path) {
  std::error_code none;
  if (fs::is_directory(path, none)) return open_folder(path);
  if (is_packed(path)) return open_packed(path);
  return std::make_shared<FileSource>(path, std::vector{path});
}

std::shared_ptr<const WeightSource> choose_averages(std::shared_ptr<const WeightSource> source,
                                                    const std::string& ema) {
  if (ema != "auto" && ema != "on" && ema != "off") {
    throw UsageError("[model] ema={}: auto, on or off", ema);
  }
  const auto names = source->names();
  const bool held = std::any_of(names.begin(), names.end(), [](const auto& name) {
    return name.starts_with("model_ema.diffusion_model");
  });
  if (ema == "on" && !held) {
    throw RunError("{}: no averaged weights (model_ema.*); set model.ema=auto",
                   source->description());
  }
  if (ema == "off" || !held) return source;
  return std::make_shared<AveragedSource>(std::move(source));
}

}  // namespace cq
