#include "cq/config/naming.h"

#include <cctype>

namespace cq::config {

namespace {

/// Begins with an override's text, or with file:line:column.
bool has_place(const std::string& message) {
  if (message.starts_with("override '")) return true;
  int numbers = 0;
  for (std::size_t i = message.find(':'); i != std::string::npos && numbers < 2;) {
    std::size_t end = i + 1;
    while (end < message.size() && std::isdigit(static_cast<unsigned char>(message[end]))) ++end;
    const bool number = end > i + 1 && end < message.size() && message[end] == ':';
    numbers = number ? numbers + 1 : 0;
    i = number ? end : message.find(':', i + 1);
  }
  return numbers == 2;
}

/// Where the message has the word, npos where it has not.
std::size_t position(const std::string& message, const std::string& word) {
  const auto in_word = [&](std::size_t i) {
    return i < message.size() &&
           (std::isalnum(static_cast<unsigned char>(message[i])) || message[i] == '_');
  };
  for (std::size_t i = message.find(word); i != std::string::npos; i = message.find(word, i + 1)) {
    if ((i == 0 || !in_word(i - 1)) && !in_word(i + word.size())) return i;
  }
  return std::string::npos;
}

}  // namespace

std::string with_place(const Node& group, const std::string& message) {
  if (has_place(message)) return message;
  const Node* found = &group;
  if (group.is_dict()) {
    if (const Node* name = group.get(std::string_view("name"))) found = name;
    std::size_t first = std::string::npos;
    for (const auto& [key, value] : group.items()) {
      if (key == "name" || key.empty()) continue;
      const std::size_t at = position(message, key);
      if (at >= first) continue;
      first = at;
      found = &value;
    }
  }
  return found->where() + message;
}

}  // namespace cq::config
