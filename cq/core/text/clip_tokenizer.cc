#include "cq/core/text/clip_tokenizer.h"

#include <algorithm>
#include <limits>

#include <zlib.h>

#include "cq/base/error.h"
#include "cq/core/text/unicode.h"

namespace cq {

namespace {

constexpr int64_t kMerges = 49152 - 256 - 2;
constexpr std::string_view kSpecial[] = {"<|startoftext|>", "<|endoftext|>"};

// Code points that stand for bytes in the merges file, in the order of their tokens: printable
// bytes stand for themselves, the others for 256 and on.
std::vector<std::pair<uint8_t, char32_t>> byte_symbols() {
  std::vector<std::pair<uint8_t, char32_t>> symbols;
  std::array<bool, 256> printable{};
  for (const auto& [first, last] : {std::pair(0x21, 0x7e), {0xa1, 0xac}, {0xae, 0xff}}) {
    for (int b = first; b <= last; ++b) {
      symbols.emplace_back(uint8_t(b), char32_t(b));
      printable[size_t(b)] = true;
    }
  }
  char32_t next = 256;
  for (int b = 0; b < 256; ++b) {
    if (!printable[size_t(b)]) symbols.emplace_back(uint8_t(b), next++);
  }
  return symbols;
}

std::string read_gzip(const std::filesystem::path& file) {
  constexpr size_t kMost = 16u << 20;
  const gzFile stream = gzopen(file.c_str(), "rb");
  if (stream == nullptr) throw RunError("{}: cannot be opened", file.string());
  std::string text;
  std::string part(1u << 16, '\0');
  int got = 0;
  while ((got = gzread(stream, part.data(), unsigned(part.size()))) > 0 && text.size() < kMost) {
    text.append(part, 0, size_t(got));
  }
  const bool whole = got == 0 && gzclose(stream) == Z_OK;
  if (!whole) throw RunError("{}: is damaged", file.string());
  return text;
}

uint64_t pair_key(int64_t a, int64_t b) {
  return uint64_t(a) << 32 | uint64_t(b);
}

/// Length of 's, 't, 're, 've, 'm, 'll or 'd at the start of lower-case text; 0 where there is
/// none.
size_t contraction(std::u32string_view text) {
  for (const std::u32string_view ending : {U"'s", U"'t", U"'re", U"'ve", U"'m", U"'ll", U"'d"}) {
    if (text.starts_with(ending)) return ending.size();
  }
  const std::u32string_view long_s = U"'\u017f";  // which equals s where case is ignored
  return text.starts_with(long_s) ? long_s.size() : 0;
}

template <class Is>
size_t run_length(std::u32string_view text, Is is) {
  return size_t(std::find_if_not(text.begin(), text.end(), is) - text.begin());
}

/// Length of the first match of CLIP's pattern at the start of text; 0: none starts there.
size_t word_length(std::u32string_view text) {
  if (const size_t n = contraction(text); n > 0) return n;
  if (is_letter(text[0])) return run_length(text, is_letter);
  if (is_number(text[0])) return 1;
  return run_length(text,
                    [](char32_t c) { return !is_space(c) && !is_letter(c) && !is_number(c); });
}

}  // namespace

ClipTokenizer::ClipTokenizer(const std::filesystem::path& folder)
    : cleaner_(folder / "html_entities.tsv") {
  read_merges(folder / "merges.txt.gz");
}

void ClipTokenizer::read_merges(const std::filesystem::path& file) {
  std::unordered_map<std::string, int64_t> tokens;  // by their text in the file
  int64_t next = 0;
  for (const auto& [byte, symbol] : byte_symbols()) {
    symbol_of_byte_[byte] = next;
    const std::string text = encode_utf8({&symbol, 1});
    tokens[text] = next;
    tokens[text + "</w>"] = next + 256;
    ++next;
  }
  const std::string text = read_gzip(file);
  size_t at = text.find('\n') + 1;  // behind the line of the version
  for (int64_t i = 0; i < kMerges; ++i) {
    const size_t space = text.find(' ', at), end = text.find('\n', at);
    if (space >= end || end == std::string::npos) {
      throw RunError("{}: merge {} is damaged", file.string(), i);
    }
    const std::string left = text.substr(at, space - at);
    const std::string right = text.substr(space + 1, end - space - 1);
    const auto a = tokens.find(left), b = tokens.find(right);
    if (a == tokens.end() || b == tokens.end()) {
      throw RunError("{}: merge {} joins what no merge before it makes", file.string(), i);
    }
    merge_token_.emplace(pair_key(a->second, b->second), 512 + i);
    tokens.emplace(left + right, 512 + i);
    at = end + 1;
  }
}

// Joins the pair that was learned first, everywhere, until no pair is known.
void ClipTokenizer::encode_word(std::string_view word, std::vector<int64_t>& out) const {
  std::vector<int64_t> tokens;
  for (const char c : word) tokens.push_back(symbol_of_byte_[uint8_t(c)]);
  tokens.back() += 256;
  constexpr int64_t kNone = std::numeric_limits<int64_t>::max();
  while (tokens.size() > 1) {
    int64_t first = kNone;
    const auto merged = [&](size_t i) {
      const auto found = merge_token_.find(pair_key(tokens[i], tokens[i + 1]));
      return found == merge_token_.end() ? kNone : found->second;
    };
    for (size_t i = 0; i + 1 < tokens.size(); ++i) first = std::min(first, merged(i));
    if (first == kNone) break;
    std::vector<int64_t> joined;
    for (size_t i = 0; i < tokens.size(); ++i) {
      const bool joins = i + 1 < tokens.size() && merged(i) == first;
      joined.push_back(joins ? first : tokens[i]);
      if (joins) ++i;
    }
    tokens = std::move(joined);
  }
  out.insert(out.end(), tokens.begin(), tokens.end());
}

void ClipTokenizer::encode_piece(std::string_view text, std::vector<int64_t>& out) const {
  const std::u32string clean = to_lower(cleaner_.clean(decode_utf8(text)));
  std::u32string_view rest = clean;
  while (!rest.empty()) {
    size_t length = 0;
    for (size_t k = 0; k < 2 && length == 0; ++k) {
      if (!rest.starts_with(decode_utf8(kSpecial[k]))) continue;
      length = kSpecial[k].size();
      out.push_back(k == 0 ? kBegin : kEnd);
    }
    if (length == 0) {
      length = word_length(rest);
      if (length > 0) encode_word(encode_utf8(rest.substr(0, length)), out);
    }
    rest.remove_prefix(std::max<size_t>(length, 1));
  }
}

std::vector<int64_t> ClipTokenizer::encode(std::string_view text) const {
  std::vector<int64_t> out;
  while (!text.empty()) {
    const size_t begin = text.find(kSpecial[0]), end = text.find(kSpecial[1]);
    const size_t at = std::min(begin, end);
    encode_piece(text.substr(0, at), out);
    if (at == std::string_view::npos) break;
    out.push_back(begin < end ? kBegin : kEnd);
    text.remove_prefix(at + kSpecial[begin < end ? 0 : 1].size());
  }
  return out;
}

std::vector<int64_t> ClipTokenizer::context(std::string_view text, int64_t length) const {
  if (length < 2) throw UsageError("[tokenizer] {} tokens have no room for begin and end", length);
  auto tokens = encode(text);
  if (int64_t(tokens.size()) > length - 2) tokens.resize(size_t(length - 2));
  tokens.insert(tokens.begin(), kBegin);
  tokens.resize(size_t(length), kEnd);
  return tokens;
}

}  // namespace cq
