#pragma once
// One entry of a defaults list in its place in the tree: which config it is and where it goes.
#include <optional>
#include <string>

#include "cq/config/repository.h"

namespace cq::config {

struct InputDefault {
  using Kind = DefaultEntry::Kind;

  InputDefault() = default;
  explicit InputDefault(const DefaultEntry& entry);

  void set_package(const std::optional<std::string>& given);
  void update_parent(const std::string& base_dir, const std::string& package_above);
  /// Headers are absolute: "a.b" stands for "_global_.a.b".
  void set_package_header(const std::optional<std::string>& header_package);

  /// "group/sub": the folder that the config lies in.
  std::string group_path() const;
  /// "group/sub/option".
  std::string config_path() const;
  /// The dotted key that the config is merged below.
  std::string final_package(bool with_header = true) const;
  /// The group, with @package where it does not go where its folder says.
  std::string override_key() const;

  bool is_missing() const;
  bool is_interpolation() const;
  bool value_is_null() const { return kind == Kind::group && value.is_null(); }
  /// Puts in what an interpolation in the option or the path came to.
  void set_resolved(const std::string& text);

  Kind kind = Kind::self;
  std::string name;  // path of a config, or the group; may start with "/"
  std::optional<std::string> package;
  Node value;
  bool optional = false;
  bool override_ = false;
  bool external_append = false;
  bool deleted = false;
  bool primary = false;
  Mark mark;

 private:
  std::string relative_group() const;

  std::optional<std::string> header_;
  std::string parent_base_dir_;
  std::string parent_package_;
};

}  // namespace cq::config
