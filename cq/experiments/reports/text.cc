#include "cq/experiments/reports/text.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

namespace cq::reports {
namespace {

/// Line ends and other control characters would break a table's line.
bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

const char* html_entity(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return nullptr;
  }
}

/// What reports print beyond ASCII; pdflatex would stop at any other character.
std::string latex_symbol(std::string_view character) {
  static constexpr std::array<std::pair<std::string_view, const char*>, 11> known = {
      {{"±", "$\\pm$"},
       {"µ", "$\\mu$"},
       {"×", "$\\times$"},
       {"–", "--"},
       {"—", "---"},
       {"…", "\\ldots{}"},
       {"†", "\\textdagger{}"},
       {"‡", "\\textdaggerdbl{}"},
       {"Δ", "$\\Delta$"},
       {"↑", "$\\uparrow$"},
       {"↓", "$\\downarrow$"}}};
  for (const auto& [symbol, command] : known)
    if (character == symbol) return command;
  return "?";
}

size_t character_bytes(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
  return end - at;
}

const char* latex_command(char c) {
  switch (c) {
    case '\\':
      return "\\textbackslash{}";
    case '~':
      return "\\textasciitilde{}";
    case '^':
      return "\\textasciicircum{}";
    case '<':
      return "\\textless{}";
    case '>':
      return "\\textgreater{}";
    case '|':
      return "\\textbar{}";
    case '"':
      return "\\textquotedbl{}";
    default:
      return nullptr;
  }
}

}  // namespace

std::string fixed(double value, int decimals) {
  const double size = std::abs(value);
  if (size >= 1e6 || (size > 0 && size < 0.5 * std::pow(10.0, -decimals)))
    return fmt::format("{:.2e}", value);
  std::string text = fmt::format("{:.{}f}", value, decimals);
  return text.find_first_not_of("-0.") == std::string::npos && text[0] == '-' ? text.substr(1)
                                                                              : text;
}

std::string with_si(double value) {
  static constexpr std::array<const char*, 6> units = {"", "k", "M", "G", "T", "P"};
  size_t unit = 0;
  // 999.5 would print as "1000" with three digits.
  while (std::abs(value) >= 999.5 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  const double size = std::abs(value);
  const int decimals = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  return fmt::format("{:.{}f}{}", value, decimals, units[unit]);
}

std::string seconds_text(double value) {
  if (value < 0.9995e-3) return fmt::format("{:.3g} µs", value * 1e6);
  if (value < 0.9995) return fmt::format("{:.3g} ms", value * 1e3);
  return fmt::format("{:.3g} s", value);
}

std::string html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (const char* entity = html_entity(c))
      out += entity;
    else
      out += is_control(c) && c != '\n' && c != '\t' ? ' ' : c;
  }
  return out;
}

std::string latex(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (static_cast<unsigned char>(c) >= 0x80) {
      const size_t bytes = character_bytes(text, at);
      out += latex_symbol(text.substr(at, bytes));
      at += bytes - 1;
    } else if (const char* command = latex_command(c))
      out += command;
    else if (std::string_view("#$%&_{}").find(c) != std::string_view::npos)
      out += fmt::format("\\{}", c);
    else
      out += is_control(c) ? ' ' : c;
  }
  return out;
}

std::string markdown(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\|*_`<>[]#~").find(c) != std::string_view::npos) out += '\\';
    out += is_control(c) ? ' ' : c;
  }
  return out;
}

std::string csv(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

size_t display_width(std::string_view text) {
  size_t width = 0;
  for (const char c : text) width += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return width;
}

std::string shortened(std::string_view text, size_t width) {
  if (display_width(text) <= width) return std::string(text);
  size_t end = 0, shown = 0;
  while (end < text.size()) {
    if (++shown >= width) break;
    end += character_bytes(text, end);
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string base64(std::string_view bytes) {
  static constexpr char digits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    uint32_t word = 0;
    for (size_t k = 0; k < 3; ++k)
      word = word << 8 | (at + k < bytes.size() ? static_cast<unsigned char>(bytes[at + k]) : 0u);
    for (size_t k = 0; k < 4; ++k)
      out += at + k > bytes.size() ? '=' : digits[word >> (18 - 6 * k) & 63];
  }
  return out;
}

}  // namespace cq::reports
