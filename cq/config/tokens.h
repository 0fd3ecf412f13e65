#pragma once
// The unquoted tokens that Hydra's override grammar and OmegaConf's interpolation grammar share.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cq/config/node.h"

namespace cq::config::tokens {

struct Token {
  /// 0: no token starts here.
  std::size_t length = 0;
  /// What it means when it stands alone: a number, a bool, null or a string.
  Node value;
  /// What it adds to a string when it stands with others; escapes are undone.
  std::string text;
  bool blank = false;
  bool is_id = false;
};

/// The longest token at the start of `rest`: a name, number, true/false, null, one of
/// / - \ + . $ % * @ ? |, an escape, blanks, and ":" where allowed. Blanks in front of a separator
/// belong to the separator.
Token next(std::string_view rest, bool colon_allowed);

/// Length of the name (letter or _, then letters, digits, _ and -) at the start, or 0.
std::size_t id(std::string_view rest);

/// Length of the number without sign (0, or digits with single underscores, no leading 0), or 0.
std::size_t unsigned_int(std::string_view rest);

/// One token alone keeps its type, several are the text that was written.
Node join(const std::vector<Token>& found);

}  // namespace cq::config::tokens
