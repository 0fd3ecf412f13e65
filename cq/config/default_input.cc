#include "cq/config/default_input.h"

#include <algorithm>

namespace cq::config {

namespace {

std::string dotted(std::string path) {
  std::replace(path.begin(), path.end(), '/', '.');
  return path;
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

bool is_absolute(const std::string& path) {
  return path.starts_with("/");
}
std::string without_slash(const std::string& path) {
  return is_absolute(path) ? path.substr(1) : path;
}

std::string joined(const std::string& a, const std::string& b, char between) {
  if (a.empty()) return b;
  return b.empty() ? a : a + between + b;
}

}  // namespace

InputDefault::InputDefault(const DefaultEntry& entry)
    : kind(entry.kind),
      name(entry.name),
      value(entry.value),
      optional(entry.optional),
      override_(entry.override_),
      mark(entry.mark) {
  set_package(entry.package);
}

void InputDefault::set_package(const std::optional<std::string>& given) {
  package = given && *given == "_here_" ? "" : given;
}

void InputDefault::update_parent(const std::string& base_dir, const std::string& package_above) {
  parent_base_dir_ = base_dir;
  parent_package_ = package_above;
  if (!package) return;
  const std::size_t at = package->find("_group_");
  if (at == std::string::npos) return;
  std::string resolved = *package;
  const std::string own = dotted(group_path());
  for (std::size_t i = at; i != std::string::npos; i = resolved.find("_group_", i + own.size())) {
    resolved.replace(i, 7, own);
  }
  package = "_global_." + resolved;
}

void InputDefault::set_package_header(const std::optional<std::string>& header_package) {
  if (!header_package) return;
  const std::string& text = *header_package;
  const bool absolute = text == "_global_" || text.starts_with("_global_.");
  header_ = absolute ? text : "_global_." + text;
}

std::string InputDefault::group_path() const {
  const std::string path = without_slash(name);
  const std::string group = kind == Kind::group ? path : folder_of(path);
  return is_absolute(name) ? group : joined(parent_base_dir_, group, '/');
}

std::string InputDefault::config_path() const {
  if (kind == Kind::group) {
    return group_path() + "/" + (value.is_string() ? value.as_string() : "");
  }
  const std::string path = without_slash(name);
  return is_absolute(name) ? path : joined(parent_base_dir_, path, '/');
}

std::string InputDefault::relative_group() const {
  const std::string path = without_slash(name);
  return kind == Kind::group ? path : folder_of(path);
}

std::string InputDefault::final_package(bool with_header) const {
  const std::optional<std::string>& chosen = package || !with_header ? package : header_;
  const std::string own = chosen ? *chosen : dotted(relative_group());
  const std::string all = joined(parent_package_, own, '.');
  const std::size_t global = all.rfind("_global_");
  if (global == std::string::npos) return all;
  // "_global_.a" means a, whatever stands in front of it.
  return all.substr(std::min(global + 9, all.size()));
}

std::string InputDefault::override_key() const {
  const std::string group = group_path();
  const std::string where = final_package(false);
  if (dotted(group) == where) return group;
  return group + "@" + (where.empty() ? "_global_" : where);
}

void InputDefault::set_resolved(const std::string& text) {
  if (kind == Kind::group) {
    value = Node(text).with_mark(value.mark());
  } else {
    name = text;
  }
}

bool InputDefault::is_missing() const {
  if (kind == Kind::group) return value.is_missing();
  return name == "???" || name.ends_with("/???");
}

bool InputDefault::is_interpolation() const {
  if (kind == Kind::group) return value.is_interpolation();
  return config_path().find("${") != std::string::npos;
}

}  // namespace cq::config
