#pragma once
// Numbers and names as text, and text made safe for each format.
#include <cstddef>
#include <string>
#include <string_view>

namespace cq::reports {

/// `decimals` after the point; very large or small values in scientific notation.
std::string fixed(double value, int decimals);
/// 1.234e9 -> "1.23G": three digits and k, M, G, T, P.
std::string with_si(double value);
/// Seconds as "1.23 s", "45.6 ms".
std::string seconds_text(double value);

std::string html(std::string_view text);
std::string latex(std::string_view text);
std::string markdown(std::string_view text);
/// One field, quoted where RFC 4180 asks for it.
std::string csv(std::string_view text);

/// Columns that UTF-8 text fills on a terminal, for the characters that reports use.
size_t display_width(std::string_view text);
/// At most `width` columns; what is cut is shown by an ellipsis.
std::string shortened(std::string_view text, size_t width);

std::string base64(std::string_view bytes);

}  // namespace cq::reports
