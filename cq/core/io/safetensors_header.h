#pragma once
// The JSON header of a safetensors file, read without building a document: a header may be 100 MB
// of nested brackets, and must then be refused in the memory of the names and shapes alone.
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cq/core/io/safetensors.h"

namespace cq {

struct SafeTensorsHeader {
  std::vector<std::pair<std::string, SafeTensors::Entry>> entries;
  std::map<std::string, std::string> metadata;
};

/// Throws RunError that says what is wrong with which entry (the file is named by the caller).
/// Checks each entry on its own; offsets are not compared with each other.
SafeTensorsHeader parse_safetensors_header(std::span<const uint8_t> json);

}  // namespace cq
