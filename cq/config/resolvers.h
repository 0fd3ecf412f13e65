#pragma once
// How interpolations are evaluated; resolve.h is the public face.
#include <memory>
#include <string>
#include <vector>

#include "cq/config/interpolation.h"
#include "cq/config/node.h"

namespace cq::config {

/// A value and where it stands, so that relative interpolations in it know their way up.
struct Place {
  Node node;
  std::shared_ptr<const Place> parent;
  std::string key;
  /// A list or dict as the grammar writes it: OmegaConf hands it on as it is, so that no key and no
  /// resolver reaches into it.
  bool plain = false;

  static std::shared_ptr<const Place> child(const std::shared_ptr<const Place>& parent, Node node,
                                            std::string key);
  static std::shared_ptr<const Place> plain_child(const std::shared_ptr<const Place>& parent,
                                                  Node node, std::string key);
  std::string path() const;
};
using PlacePtr = std::shared_ptr<const Place>;

class Evaluator {
 public:
  /// Follows an interpolation to the value it stands for.
  PlacePtr dereference(const PlacePtr& place);
  /// The value with all interpolations below it resolved.
  Node tree(const PlacePtr& place);
  /// A key from the root, or with leading dots from the mapping that `at` is in; null where there
  /// is nothing. `missing_fails`: `???` and steps into scalars throw instead.
  PlacePtr find(const std::string& key, const PlacePtr& at, bool missing_fails);
  [[noreturn]] void fail(const PlacePtr& at, const std::string& what) const;

 private:
  PlacePtr evaluate(const Expression& expression, const PlacePtr& at);
  PlacePtr reference(const Expression& expression, const PlacePtr& at);
  PlacePtr call(const Expression& expression, const PlacePtr& at);
  PlacePtr call_by_name(const std::string& name, const std::vector<PlacePtr>& arguments,
                        const PlacePtr& at);
  PlacePtr deprecated(const std::vector<PlacePtr>& arguments, const PlacePtr& at);
  PlacePtr dict_items(const PlacePtr& argument, const PlacePtr& at, bool keys);
  PlacePtr child_of(const PlacePtr& place, const std::string& key) const;
  std::string text_of(const PlacePtr& place);

  std::vector<const Place*> open_;
  int depth_ = 0;
  int steps_ = 0;
};

/// Python's repr of a list or dict: "{'a': 1, 'b': [True, None]}".
std::string python_repr(const Node& node);

}  // namespace cq::config
