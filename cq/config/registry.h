#pragma once
// Components by name. Whoever needs a registry builds it in a function that names each component
// once; nothing registers itself.
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "cq/config/nearest.h"
#include "cq/config/params.h"

namespace cq::config {

/// What `cq-exp list` shows of one component.
struct RegistryEntry {
  std::string name;
  std::string doc;
  std::string source;  // paper
  std::vector<ParamInfo> params;
};

/// A Component has `static constexpr const char *name, *doc, *source`, `using Parameters`,
/// `static const Params<Parameters>& parameters()` and a constructor (Parameters, Args...).
template <class Interface, class... Args>
class Registry {
 public:
  /// `kind` is what messages call a component ("cache policy"); `name_key` is the key that holds
  /// the component's name in its own parameters, and is none of them.
  explicit Registry(std::string kind = "component", std::string name_key = "name")
      : kind_(std::move(kind)), name_key_(std::move(name_key)) {}

  template <class Component>
  Registry& add() {
    for (const RegistryEntry& entry : entries_) {
      if (entry.name == Component::name) {
        throw std::logic_error(kind_ + " '" + entry.name + "' is registered twice");
      }
    }
    entries_.push_back(
        {Component::name, Component::doc, Component::source, Component::parameters().describe()});
    checks_.push_back([](const Node& dict) { Component::parameters().parse(dict); });
    makers_.push_back([](const Node& dict, Args... args) -> std::unique_ptr<Interface> {
      return std::make_unique<Component>(Component::parameters().parse(dict),
                                         std::forward<Args>(args)...);
    });
    return *this;
  }

  /// Throws UsageError for an unknown name (lists all names and the nearest) and for parameters
  /// that Params::parse refuses.
  std::unique_ptr<Interface> make(const std::string& name, const Node& params, Args... args) const {
    return makers_[index_of(name, params)](without_name(params), std::forward<Args>(args)...);
  }

  /// Everything that make() would refuse, with nothing made.
  void check(const std::string& name, const Node& params) const {
    checks_[index_of(name, params)](without_name(params));
  }

  bool contains(const std::string& name) const {
    for (const RegistryEntry& entry : entries_) {
      if (entry.name == name) return true;
    }
    return false;
  }

  const std::vector<RegistryEntry>& entries() const { return entries_; }
  const std::string& kind() const { return kind_; }

 private:
  std::size_t index_of(const std::string& name, const Node& params) const {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].name == name) return i;
      names.push_back(entries_[i].name);
    }
    const Node* key = params.get(std::string_view(name_key_));
    throw UsageError("{}unknown {} '{}'{} (known: {})",
                     key != nullptr ? key->where() : params.where(), kind_, name,
                     did_you_mean(name, names), fmt::join(names, ", "));
  }

  Node without_name(const Node& params) const {
    Node rest = params;
    rest.erase(Key(name_key_));
    return rest;
  }

  std::string kind_;
  std::string name_key_;
  std::vector<RegistryEntry> entries_;
  std::vector<std::function<void(const Node&)>> checks_;
  std::vector<std::function<std::unique_ptr<Interface>(const Node&, Args...)>> makers_;
};

}  // namespace cq::config
