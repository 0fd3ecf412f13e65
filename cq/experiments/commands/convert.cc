#include "cq/experiments/commands/convert.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cq/core/io/checkpoint.h"
#include "cq/core/io/printable.h"
#include "cq/core/io/safetensors.h"
#include "cq/experiments/commands/convert_packed.h"

namespace cq {

int convert_command(const ConvertOptions& options) {
  if (wants_packing(options.overrides)) return convert_packed(options);
  const auto file = open_checkpoint(options.in);
  std::map<std::string, std::string> metadata;
  if (file->format() == "safetensors") metadata = SafeTensors::open(options.in).metadata();
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const std::string& name : file->names()) tensors.emplace_back(name, file->tensor(name));
  write_safetensors(options.out, tensors, metadata);
  fmt::print("{}: {} tensors from {} ({})\n", printable(options.out.native()), tensors.size(),
             printable(options.in.native()), file->format());
  return 0;
}

}  // namespace cq
