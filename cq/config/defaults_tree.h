#pragma once
#include <memory>
#include <string>
#include <vector>

#include "cq/config/default_input.h"
#include "cq/config/group_overrides.h"
#include "cq/config/repository.h"

namespace cq::config {

/// An entry of a defaults list, with the entries of the list of the config that it names.
struct DefaultsTree {
  InputDefault node;
  DefaultsTree* parent = nullptr;
  std::vector<std::unique_ptr<DefaultsTree>> children;
};

/// Grows defaults trees from their roots. What configs choose and override on the way joins
/// `overrides`, so that a later tree sees it.
class DefaultsTreeBuilder {
 public:
  DefaultsTreeBuilder(Repository& repository, GroupOverrides& overrides, bool skip_missing)
      : repository_(repository), overrides_(overrides), skip_missing_(skip_missing) {}

  /// The tree below the config `name`; the primary one takes the entries that overrides append.
  /// Throws UsageError that names the config, group or override at fault.
  std::unique_ptr<DefaultsTree> grow(const std::string& name, bool primary);

 private:
  void expand(DefaultsTree& tree, bool is_root, bool interpolated);
  void expand_inside(DefaultsTree& tree, bool is_root, bool interpolated);
  static std::unique_ptr<DefaultsTree> leaf(DefaultsTree& parent, InputDefault node);
  void add_entry(DefaultsTree& tree, InputDefault& entry, bool interpolated);
  void add_options(DefaultsTree& tree, const InputDefault& entry, bool interpolated);
  void expand_interpolations(DefaultsTree& tree);
  bool delete_it(InputDefault& node);
  void learn_choice(const InputDefault& node);
  bool is_left_open(const InputDefault& node) const;
  [[noreturn]] void not_found(const DefaultsTree& tree) const;
  static void check_self(const InputDefault& parent, std::vector<InputDefault>& list);
  void take_overrides(const InputDefault& parent, std::vector<InputDefault>& list,
                      bool interpolated);

  Repository& repository_;
  GroupOverrides& overrides_;
  bool skip_missing_;
  int depth_ = 0;
};

}  // namespace cq::config
