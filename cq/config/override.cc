#include "cq/config/override.h"

#include "cq/config/scalar.h"

namespace cq::config {

namespace {

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\()[]{}:=, \t").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string with_quotes(const std::string& text, char quote) {
  std::string out(1, quote);
  for (std::size_t i = 0; i <= text.size();) {
    std::size_t n = 0;
    while (i + n < text.size() && text[i + n] == '\\') ++n;
    const bool before_quote = i + n == text.size() || text[i + n] == quote;
    out.append(before_quote ? 2 * n : n, '\\');
    i += n;
    if (i == text.size()) break;
    if (text[i] == quote) out += '\\';
    out += text[i++];
  }
  return out + quote;
}

}  // namespace

Node Element::node() const {
  if (is_scalar()) return scalar();
  if (is_list()) {
    Node out = Node::list();
    for (const Element& item : list()) out.append(item.node());
    return out;
  }
  Node out = Node::dict();
  for (const auto& [key, item] : dict()) out.put(key_of(key.scalar()), item.node());
  return out;
}

std::string Element::text() const {
  if (is_scalar()) {
    if (scalar().is_null()) return "null";
    if (!scalar().is_string()) return python_text(scalar());
    const std::string& plain = scalar().as_string();
    return quote != '\0' ? with_quotes(plain, quote) : escaped(plain);
  }
  std::string out;
  if (is_list()) {
    for (const Element& item : list()) out.append(out.empty() ? "" : ",").append(item.text());
    return fmt::format("[{}]", out);
  }
  for (const auto& [key, item] : dict()) {
    out.append(out.empty() ? "" : ",").append(key.text()).append(":").append(item.text());
  }
  return fmt::format("{{{}}}", out);
}

std::string Override::group_key() const {
  return package ? key + "@" + *package : key;
}

std::string Override::key_element() const {
  constexpr std::string_view prefixes[] = {"", "+", "++", "~"};
  return std::string(prefixes[static_cast<std::size_t>(kind)]) + group_key();
}

}  // namespace cq::config
