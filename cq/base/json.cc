#include "cq/base/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "cq/base/error.h"
#include "cq/base/files.h"

namespace cq {
namespace {

void append_double(std::string& out, double value, const std::string& where) {
  if (!std::isfinite(value)) {
    throw RunError("JSON value{} is {}: expected a finite number", where,
                   std::isnan(value) ? "NaN" : "infinite");
  }
  char text[32];
  // Adding zero turns -0 into 0, so that equal numbers give equal bytes.
  const auto end = std::to_chars(text, text + sizeof text, value + 0.0);
  out.append(text, end.ptr);
}

/// What JSON takes between quotes as it is.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; });
}

template <class Json>
class Canonical {
 public:
  std::string write(const Json& value) {
    append(value);
    return std::move(out_);
  }

 private:
  void append(const Json& value) {
    switch (value.type()) {
      case Json::value_t::object:
        return append_object(value);
      case Json::value_t::array:
        return append_array(value);
      case Json::value_t::string:
        return append_json_string(out_, value.template get_ref<const std::string&>());
      case Json::value_t::number_float:
        return append_double(out_, value.template get<double>(), where());
      default:
        out_ += value.dump();
    }
  }

  void append_array(const Json& value) {
    out_ += '[';
    for (size_t i = 0; i < value.size(); ++i) {
      if (i > 0) out_ += ',';
      path_.push_back({{}, i});
      append(value[i]);
      path_.pop_back();
    }
    out_ += ']';
  }

  void append_object(const Json& value) {
    std::vector<typename Json::const_iterator> members;
    for (auto it = value.cbegin(); it != value.cend(); ++it) members.push_back(it);
    std::sort(members.begin(), members.end(),
              [](const auto& a, const auto& b) { return a.key() < b.key(); });
    out_ += '{';
    for (size_t i = 0; i < members.size(); ++i) {
      if (i > 0) out_ += ',';
      append_json_string(out_, members[i].key());
      out_ += ':';
      path_.push_back({members[i].key(), 0});
      append(*members[i]);
      path_.pop_back();
    }
    out_ += '}';
  }

  std::string where() const {
    std::string text;
    for (const auto& part : path_) {
      text += text.empty() ? ' ' : '.';
      text += part.key.data() == nullptr ? std::to_string(part.index) : std::string(part.key);
    }
    return text;
  }

  /// A key of an object, or (without one) an index of an array.
  struct Part {
    std::string_view key;
    size_t index;
  };

  std::string out_;
  std::vector<Part> path_;
};

}  // namespace

std::string canonical_json(const nlohmann::json& value) {
  return Canonical<nlohmann::json>().write(value);
}

std::string canonical_json(const nlohmann::ordered_json& value) {
  return Canonical<nlohmann::ordered_json>().write(value);
}

void append_json_string(std::string& out, std::string_view text) {
  if (is_plain(text)) {
    out.append(1, '"').append(text).append(1, '"');
    return;
  }
  try {
    out += nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    throw RunError("text in JSON is not UTF-8: '{}...'",
                   nlohmann::json(text.substr(0, 40))
                       .dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
  }
}

std::string pretty_json(const nlohmann::ordered_json& value) {
  // nlohmann writes NaN as null without a word: the canonical form finds and names it.
  canonical_json(value);
  return value.dump(2) + "\n";
}

nlohmann::ordered_json read_json(const std::filesystem::path& path) {
  const std::string text = read_text(path);
  try {
    return nlohmann::ordered_json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    throw RunError("{} is no JSON: {}", path.string(), error.what());
  }
}

void write_json(const std::filesystem::path& path, const nlohmann::ordered_json& value) {
  write_atomically(path, pretty_json(value));
}

}  // namespace cq
