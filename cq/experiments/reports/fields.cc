#include "cq/experiments/reports/fields.h"

#include <cmath>
#include <limits>
#include <utility>

#include "cq/base/error.h"

namespace cq::reports {
namespace {

std::string shortened(const Fields::Json& value) {
  std::string text = value.dump(-1, ' ', true, Fields::Json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

}  // namespace

Fields::Fields(const Json& json, std::string where) : json_(&json), where_(std::move(where)) {
  if (!json.is_object())
    throw RunError("[report] {}: expected a JSON object, got {}", where_, shortened(json));
}

void Fields::refuse(const std::string& key, const std::string& expected) const {
  const auto at = json_->find(key);
  throw RunError("[report] {}: `{}`: expected {}, got {}", where_, key, expected,
                 at == json_->end() ? std::string("nothing") : shortened(*at));
}

const Fields::Json* Fields::find(const std::string& key) const {
  const auto at = json_->find(key);
  return at == json_->end() || at->is_null() ? nullptr : &*at;
}

std::optional<Fields> Fields::object(const std::string& key) const {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_object()) refuse(key, "an object");
  return Fields(*value, where_ + ", " + key);
}

std::optional<double> Fields::number(const std::string& key) const {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_number() || !std::isfinite(value->get<double>())) refuse(key, "a finite number");
  return value->get<double>();
}

std::optional<int64_t> Fields::integer(const std::string& key) const {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_number_integer()) refuse(key, "an integer");
  return value->get<int64_t>();
}

std::optional<std::string> Fields::text(const std::string& key) const {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_string()) refuse(key, "text");
  return value->get<std::string>();
}

std::vector<double> Fields::numbers(const std::string& key) const {
  const Json* value = find(key);
  if (!value || !value->is_array()) refuse(key, "a list of numbers");
  std::vector<double> all;
  all.reserve(value->size());
  for (const Json& item : *value) {
    if (!item.is_null() && !item.is_number()) refuse(key, "a list of numbers");
    all.push_back(item.is_null() ? std::numeric_limits<double>::quiet_NaN() : item.get<double>());
  }
  return all;
}

double Fields::need_number(const std::string& key) const {
  const auto value = number(key);
  if (!value) refuse(key, "a finite number");
  return *value;
}

int64_t Fields::need_integer(const std::string& key) const {
  const auto value = integer(key);
  if (!value) refuse(key, "an integer");
  return *value;
}

void check_schema(const Fields& fields, int64_t known) {
  const int64_t schema = fields.need_integer("schema");
  if (schema != known)
    throw RunError("[report] {}: schema {}, this program reads schema {}: run the experiment again",
                   fields.where(), schema, known);
}

}  // namespace cq::reports
