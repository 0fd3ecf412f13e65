#include "cq/experiments/commands/convert.h"

#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "cq/base/error.h"
#include "cq/config/nearest.h"
#include "cq/core/io/checkpoint.h"
#include "cq/core/io/printable.h"
#include "cq/core/io/safetensors.h"
#include "cq/core/models/model.h"
#include "cq/core/models/weight_export.h"
#include "cq/experiments/commands/convert_packed.h"

namespace fs = std::filesystem;

namespace cq {

namespace {

using Tensors = std::vector<std::pair<std::string, at::Tensor>>;

struct Settings {
  std::string layout;  ///< empty: names stay
  int64_t head_channels = 32;
};

Settings read_settings(const std::vector<std::string>& overrides) {
  Settings settings;
  for (const auto& text : overrides) {
    const auto equals = text.find('=');
    const auto key = text.substr(0, equals);
    const auto value = equals == std::string::npos ? std::string() : text.substr(equals + 1);
    if (key == "layout" && (value == "compvis" || value == "diffusers")) {
      settings.layout = value;
    } else if (key == "layout") {
      throw UsageError("[convert] layout={}: compvis or diffusers", value);
    } else if (key == "head_channels") {
      const auto digits = value.find_first_not_of("0123456789");
      settings.head_channels =
          value.empty() || value.size() > 5 || digits != std::string::npos ? 0 : std::stoll(value);
      if (settings.head_channels < 1) {
        throw UsageError("[convert] head_channels={}: a whole number from 1 on", value);
      }
    } else {
      throw UsageError("[convert] unknown '{}'{} (known: layout=, head_channels=)", text,
                       config::did_you_mean(key, {"layout", "head_channels"}));
    }
  }
  return settings;
}

void write(const fs::path& path, const Tensors& tensors, const fs::path& from,
           const std::string& format, const std::map<std::string, std::string>& metadata = {}) {
  for (const auto& [name, tensor] : tensors) {
    if (name == "__metadata__" || !is_utf8(name)) {
      throw RunError("{}: tensor '{}' cannot be called so in safetensors{}",
                     printable(from.native()), printable(name), is_utf8(name) ? "" : ": no UTF-8");
    }
  }
  write_safetensors(path, tensors, metadata);
  fmt::print("{}: {} tensors from {} ({})\n", printable(path.native()), tensors.size(),
             printable(from.native()), format);
}

void write_as_diffusers(const ConvertOptions& options, const WeightSource& source,
                        int64_t head_channels) {
  const auto modules = to_diffusers(source, head_channels);
  if (modules.size() == 1 && options.out.extension() == ".safetensors") {
    write(options.out, modules.begin()->second, options.in, source.description(),
          {{"format", "pt"}});
    return;
  }
  if (options.out.extension() == ".safetensors") {
    std::vector<std::string> names;
    for (const auto& [name, tensors] : modules) names.push_back(name);
    throw UsageError("[convert] {} holds {}: diffusers keeps them apart, so OUT must be a folder",
                     options.in.string(), fmt::join(names, ", "));
  }
  for (const auto& [name, tensors] : modules) {
    fs::create_directories(options.out / name);
    const char* file =
        name == "text_encoder" ? "model.safetensors" : "diffusion_pytorch_model.safetensors";
    write(options.out / name / file, tensors, options.in, source.description(), {{"format", "pt"}});
  }
}

}  // namespace

int convert_command(const ConvertOptions& options) {
  if (wants_packing(options.overrides)) return convert_packed(options);
  const auto settings = read_settings(options.overrides);
  if (settings.layout == "diffusers") {
    write_as_diffusers(options, *open_weights(options.in), settings.head_channels);
    return 0;
  }
  if (settings.layout == "compvis") {
    const auto source = open_weights(options.in);
    write(options.out, to_compvis(*source, settings.head_channels), options.in,
          source->description());
    return 0;
  }
  const auto file = open_checkpoint(options.in);
  std::map<std::string, std::string> metadata;
  std::error_code none;
  const bool folder = fs::is_directory(options.in, none);
  if (file->format() == "safetensors" && !folder)
    metadata = SafeTensors::open(options.in).metadata();
  Tensors tensors;
  for (const std::string& name : file->names()) tensors.emplace_back(name, file->tensor(name));
  write(options.out, tensors, options.in, file->format(), metadata);
  return 0;
}

}  // namespace cq
