#pragma once
#include <string>
#include <string_view>

namespace cq {

/// `text` as it may be shown on a terminal: control characters and bytes that are not UTF-8 become
/// \n, \t, \u00NN or \xNN; more than `longest` bytes are cut and end in "...".
std::string printable(std::string_view text, size_t longest = 200);

bool is_utf8(std::string_view text);

}  // namespace cq
