#pragma once
// The tokens of a YAML 1.1 file as PyYAML sees them. yaml-cpp is more lenient and folds some
// scalars differently; what Hydra refuses must be refused here, and the same text must come out.
#include <string>
#include <string_view>
#include <vector>

namespace cq::config {

struct YamlToken {
  enum class Kind {
    directive,
    document_start,
    document_end,
    block_list,  // a block sequence begins
    block_dict,  // a block mapping begins
    block_end,
    flow_list,
    flow_list_end,
    flow_dict,
    flow_dict_end,
    flow_entry,   // ,
    block_entry,  // -
    key,          // ?, or before a simple key
    value,        // :
    alias,
    anchor,
    tag,
    scalar,
    end,
  };
  Kind kind;
  /// 1-based, in characters.
  int line = 0;
  int column = 0;
  /// In bytes from the start of the text.
  std::size_t offset = 0;
  /// Of a scalar; the name of an anchor, alias or directive; a tag as it is written.
  std::string text = {};
  /// A scalar without quotes that is no block scalar.
  bool plain = false;
};

/// All tokens, the last one is `end`. `text` is UTF-8 without NUL; more than `depth` collections in
/// one another are refused. Throws YamlFault (yaml_scalars.h).
std::vector<YamlToken> scan_yaml(std::string_view text, int depth);

}  // namespace cq::config
