#pragma once
// The order of a sweep's values: sorted as Python sorts, or shuffled.
#include <vector>

#include "cq/config/override.h"

namespace cq::config {

/// Equal items keep their order in both directions, as in Python. Throws UsageError for what
/// Python cannot compare: numbers and bools have an order among themselves, unquoted strings among
/// themselves, lists item by item.
std::vector<Element> sorted(const std::vector<Element>& items, bool reverse);

/// The permutation follows from what is shuffled alone, so that composing again gives the same
/// cells.
std::vector<Element> shuffled(const std::vector<Element>& items);

}  // namespace cq::config
