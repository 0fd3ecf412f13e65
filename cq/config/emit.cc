#include "cq/config/emit.h"

#include <cmath>

#include "cq/config/scalar.h"

namespace cq::config {

namespace {

/// Strings that another reader than ours takes for something else: YAML 1.2's octals, the single
/// letters of YAML 1.1, and what Python's int() and float() accept.
bool looks_like_another_type(const std::string& text) {
  if (text == "=" || text == "<<" || text == "y" || text == "Y" || text == "n" || text == "N") {
    return true;
  }
  if (text.find_first_not_of("0123456789_+-.") == std::string::npos) return true;
  if (text.starts_with("0o") || text.starts_with("0x") || text.starts_with("0b")) return true;
  if (python_float(text)) return true;
  // A date: digits and dashes, perhaps with a time behind.
  if (text.size() >= 8 && text.find_first_not_of("0123456789") == 4 && text[4] == '-') return true;
  return !read_plain_scalar(text).is_string();
}

bool needs_escapes(const std::string& text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7f) return true;
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
    const auto third = i + 2 < text.size() ? static_cast<unsigned char>(text[i + 2]) : 0;
    // The C1 controls, the no-break space, line and paragraph separators, the byte order mark.
    if (c == 0xc2 && next <= 0xa0) return true;
    if (c == 0xe2 && next == 0x80 && (third == 0xa8 || third == 0xa9)) return true;
    if (c == 0xef && next == 0xbb && third == 0xbf) return true;
    if (c == 0xef && next == 0xbf && third >= 0xbe) return true;
  }
  return false;
}

bool is_plain(const std::string& text, bool flow) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ') return false;
  const char first = text.front();
  const bool start = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') ||
                     (first >= '0' && first <= '9') || first == '_' || first == '/' ||
                     first == '.' || first == '$' || first == '\\' || first == '+' ||
                     static_cast<unsigned char>(first) >= 0x80;
  if (!start || text.starts_with("...")) return false;
  if (text.back() == ':' || text.find(": ") != std::string::npos) return false;
  if (text.find(" #") != std::string::npos) return false;
  if (flow && text.find_first_of(",[]{}:?#") != std::string::npos) return false;
  return !looks_like_another_type(text);
}

std::string double_quoted(const std::string& text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += text[i];
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", c);
    } else if (c == 0xc2 && i + 1 < text.size() &&
               static_cast<unsigned char>(text[i + 1]) <= 0xa0) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[++i]));
    } else if ((c == 0xe2 || c == 0xef) && i + 2 < text.size() &&
               needs_escapes(text.substr(i, 3))) {
      const unsigned code = ((c & 0x0fu) << 12) |
                            ((static_cast<unsigned char>(text[i + 1]) & 0x3fu) << 6) |
                            (static_cast<unsigned char>(text[i + 2]) & 0x3fu);
      out += fmt::format("\\u{:04x}", code);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out + '"';
}

std::string string_text(const std::string& text, bool flow) {
  if (needs_escapes(text)) return double_quoted(text);
  if (is_plain(text, flow)) return text;
  std::string quoted = "'";
  for (const char c : text) {
    quoted += c;
    if (c == '\'') quoted += c;
  }
  return quoted + "'";
}

std::string scalar_text(const Node& node, bool flow) {
  switch (node.kind()) {
    case Node::Kind::null:
      return "null";
    case Node::Kind::boolean:
      return node.as_bool() ? "true" : "false";
    case Node::Kind::integer:
      return std::to_string(node.as_int());
    case Node::Kind::real:
      return yaml_real(node.as_double());
    default:
      return string_text(node.as_string(), flow);
  }
}

std::string key_text(const Key& key, bool flow) {
  return key.kind == KeyKind::string ? string_text(key, flow) : key.text();
}

void append_flow(const Node& node, std::string& out) {
  if (node.is_list()) {
    out += '[';
    for (std::size_t i = 0; i < node.size(); ++i) {
      if (i > 0) out += ", ";
      append_flow(node.elements()[i], out);
    }
    out += ']';
  } else if (node.is_dict()) {
    out += '{';
    for (std::size_t i = 0; i < node.size(); ++i) {
      const auto& [key, value] = node.items()[i];
      if (i > 0) out += ", ";
      out += key_text(key, true) + ": ";
      append_flow(value, out);
    }
    out += '}';
  } else {
    out += scalar_text(node, true);
  }
}

/// Longer keys must be written with "? ", or readers do not take them for keys.
constexpr std::size_t kLongestSimpleKey = 120;

void append_block(const Node& node, std::size_t indent, bool inside_line, std::string& out) {
  const std::string margin(indent, ' ');
  bool first = inside_line;
  const auto begin_line = [&] {
    if (!first) out += margin;
    first = false;
  };
  if (node.is_dict() && !node.empty()) {
    for (const auto& [key, value] : node.items()) {
      begin_line();
      const std::string name = key_text(key, false);
      out += name.size() > kLongestSimpleKey ? fmt::format("? {}\n{}:", name, margin) : name + ":";
      if (value.empty()) {
        out += ' ';
        append_block(value, indent + 2, true, out);
      } else {
        out += '\n';
        append_block(value, value.is_dict() ? indent + 2 : indent, false, out);
      }
    }
  } else if (node.is_list() && !node.empty()) {
    for (const Node& value : node.elements()) {
      begin_line();
      out += "- ";
      append_block(value, indent + 2, true, out);
    }
  } else {
    begin_line();
    if (node.is_scalar()) {
      out += scalar_text(node, false);
    } else {
      append_flow(node, out);
    }
    out += '\n';
  }
}

}  // namespace

std::string yaml_real(double value) {
  if (std::isnan(value)) return ".nan";
  if (std::isinf(value)) return value > 0 ? ".inf" : "-.inf";
  std::string text = python_real(value);
  // YAML 1.1 readers take 1e-05 for a string, but not 1.0e-05.
  const std::size_t e = text.find('e');
  if (e != std::string::npos && text.find('.') == std::string::npos) text.insert(e, ".0");
  return text;
}

std::string to_yaml(const Node& node) {
  std::string out;
  append_block(node, 0, false, out);
  return out;
}

std::string to_flow(const Node& node) {
  std::string out;
  append_flow(node, out);
  return out;
}

}  // namespace cq::config
