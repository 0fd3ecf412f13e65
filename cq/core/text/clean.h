#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>

namespace cq {

/// Repairs of text as ftfy 6 makes them before CLIP's tokenizers see a prompt: character references
/// of HTML (unless the text holds a `<`), control characters, ligatures, full-width forms, curly
/// quotes, line ends, terminal escapes, and normalization form C, again until nothing changes. What
/// ftfy does beyond, guessing that UTF-8 was read in another encoding, is left out: such text stays
/// as it is.
class TextCleaner {
 public:
  /// Reads the table of character references: name, tab, code points in hexadecimal. Throws
  /// RunError.
  explicit TextCleaner(const std::filesystem::path& html_entities);

  std::u32string clean(std::u32string_view text) const;

 private:
  std::u32string unescape(const std::u32string& text) const;
  /// One line; `escapes`: character references are replaced.
  std::u32string clean_line(std::u32string line, bool escapes) const;

  std::unordered_map<std::string, std::u32string> entities_;
};

}  // namespace cq
