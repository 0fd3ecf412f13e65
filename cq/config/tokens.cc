#include "cq/config/tokens.h"

#include <algorithm>

#include "cq/config/scalar.h"

namespace cq::config::tokens {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Digits with single underscores between them.
std::size_t digits(std::string_view rest) {
  std::size_t n = 0;
  while (n < rest.size()) {
    if (is_digit(rest[n])) {
      ++n;
    } else if (n > 0 && rest[n] == '_' && n + 1 < rest.size() && is_digit(rest[n + 1])) {
      n += 2;
    } else {
      break;
    }
  }
  return n;
}

std::size_t point_float(std::string_view rest) {
  const std::size_t whole = unsigned_int(rest);
  if (whole >= rest.size() || rest[whole] != '.') return 0;
  const std::size_t fraction = digits(rest.substr(whole + 1));
  return whole + fraction == 0 ? 0 : whole + 1 + fraction;
}

/// Length of the longest FLOAT behind the sign, or 0.
std::size_t unsigned_float(std::string_view rest) {
  const std::string word = lower(rest.substr(0, 3));
  if (word == "inf" || word == "nan") return 3;
  const std::size_t point = point_float(rest);
  const std::size_t mantissa = std::max(point, unsigned_int(rest));
  if (mantissa == 0) return 0;
  std::size_t n = mantissa;
  if (n < rest.size() && (rest[n] == 'e' || rest[n] == 'E')) {
    ++n;
    if (n < rest.size() && (rest[n] == '+' || rest[n] == '-')) ++n;
    const std::size_t exponent = digits(rest.substr(n));
    if (exponent > 0) return n + exponent;
  }
  return point;
}

std::size_t escapes(std::string_view rest) {
  std::size_t n = 0;
  while (n + 1 < rest.size() && rest[n] == '\\' &&
         std::string_view("\\()[]{}:=, \t").find(rest[n + 1]) != std::string_view::npos) {
    n += 2;
  }
  return n;
}

Token string_token(std::string_view text) {
  Token token;
  token.length = text.size();
  token.text = text;
  token.value = Node(token.text);
  return token;
}

Token blanks_or_colon(std::string_view rest, bool colon_allowed) {
  const std::size_t n = std::min(rest.find_first_not_of(" \t"), rest.size());
  if (n < rest.size() && rest[n] == ':') {
    if (!colon_allowed) return {};
    const std::size_t end = std::min(rest.find_first_not_of(" \t", n + 1), rest.size());
    return string_token(rest.substr(0, end));
  }
  if (n < rest.size() && std::string_view(",)]}(=").find(rest[n]) != std::string_view::npos) {
    return {};
  }
  Token token = string_token(rest.substr(0, n));
  token.blank = true;
  return token;
}

Token number_or_word(std::string_view rest) {
  const std::size_t sign = rest[0] == '+' || rest[0] == '-' ? 1 : 0;
  const std::size_t real = unsigned_float(rest.substr(sign));
  const std::size_t integer = unsigned_int(rest.substr(sign));
  const std::size_t name = sign == 0 ? id(rest) : 0;
  const std::size_t longest = std::max(real, integer);
  if (longest > 0 && sign + longest >= name) {
    Token token = string_token(rest.substr(0, sign + longest));
    // The tokens 1_0 and 1. are what Python's int() and float() take.
    if (real >= integer) {
      token.value = Node(*python_float(token.text));
    } else {
      token.value = Node(*python_int(token.text));
    }
    return token;
  }
  if (name == 0) return {};
  Token token = string_token(rest.substr(0, name));
  token.is_id = true;
  const std::string word = lower(token.text);
  if (word == "true" || word == "false") {
    token.value = Node(word == "true");
    token.is_id = false;
  } else if (word == "null") {
    token.value = Node();
    token.is_id = false;
  }
  return token;
}

}  // namespace

std::size_t unsigned_int(std::string_view rest) {
  if (rest.empty() || !is_digit(rest[0])) return 0;
  return rest[0] == '0' ? 1 : digits(rest);
}

std::size_t id(std::string_view rest) {
  if (rest.empty() || !(is_letter(rest[0]) || rest[0] == '_')) return 0;
  std::size_t n = 1;
  while (n < rest.size() &&
         (is_letter(rest[n]) || is_digit(rest[n]) || rest[n] == '_' || rest[n] == '-')) {
    ++n;
  }
  return n;
}

Token next(std::string_view rest, bool colon_allowed) {
  if (rest.empty()) return {};
  const char c = rest[0];
  if (c == ' ' || c == '\t' || c == ':') return blanks_or_colon(rest, colon_allowed);
  if (const std::size_t n = escapes(rest); n > 0) {
    Token token = string_token(rest.substr(0, n));
    token.text.clear();
    for (std::size_t i = 1; i < n; i += 2) token.text += rest[i];
    token.value = Node(token.text);
    return token;
  }
  if (Token token = number_or_word(rest); token.length > 0) return token;
  if (std::string_view("/-\\+.$%*@?|").find(c) != std::string_view::npos) {
    return string_token(rest.substr(0, 1));
  }
  return {};
}

Node join(const std::vector<Token>& found) {
  if (found.size() == 1) return found[0].value;
  std::string text;
  for (const Token& token : found) text += token.text;
  return Node(std::move(text));
}

}  // namespace cq::config::tokens
