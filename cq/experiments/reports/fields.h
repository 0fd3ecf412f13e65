#pragma once
// Typed access to one JSON file: every error names the file, the key and what came instead.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace cq::reports {

/// An object inside a JSON file together with the words that say where it is. A missing key and a
/// null are the same: absent.
class Fields {
 public:
  using Json = nlohmann::ordered_json;

  /// Throws RunError unless `json` is an object.
  Fields(const Json& json, std::string where);

  const Json* find(const std::string& key) const;
  std::optional<Fields> object(const std::string& key) const;
  std::optional<double> number(const std::string& key) const;
  std::optional<int64_t> integer(const std::string& key) const;
  std::optional<std::string> text(const std::string& key) const;
  /// Numbers, with null read as NaN.
  std::vector<double> numbers(const std::string& key) const;

  double need_number(const std::string& key) const;
  int64_t need_integer(const std::string& key) const;

  const Json& json() const { return *json_; }
  const std::string& where() const { return where_; }
  [[noreturn]] void refuse(const std::string& key, const std::string& expected) const;

 private:
  const Json* json_;
  std::string where_;
};

/// Throws RunError unless the file's `schema` is `known`.
void check_schema(const Fields& fields, int64_t known);

}  // namespace cq::reports
