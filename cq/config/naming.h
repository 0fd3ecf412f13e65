#pragma once
// The user's line for an error of code that knows values but not where they were written.
#include <string>
#include <utility>

#include "cq/config/node.h"

namespace cq::config {

/// The message with the place in front where it has none: of the key of `group` that it names
/// first, else of the group's `name` (a merged mapping's own place is where its first key came
/// from), else of `group` itself.
std::string with_place(const Node& group, const std::string& message);

/// Does `act`; a UsageError that it throws gets a place in `group`.
template <class Act>
auto naming(const Node& group, Act act) {
  try {
    return act();
  } catch (const UsageError& error) {
    throw UsageError("{}", with_place(group, error.what()));
  }
}

}  // namespace cq::config
