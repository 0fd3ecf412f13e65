#pragma once
// Which cells of a sweep `where:` keeps.
#include <optional>
#include <string>

#include "cq/config/compose.h"
#include "cq/config/repository.h"
#include "cq/config/where.h"

namespace cq::config {

/// The `where:` expression of a sweep block, or none. Both functions throw UsageError with the
/// expression's place.
class Filter {
 public:
  /// `mark`: where the expression was written; unknown where there is none.
  Filter(const std::string& text, const Mark& mark);

  /// Throws where a group is compared with a name that is none of its options, so that a slip of
  /// the finger is not taken for cells to leave out. `job`: any cell.
  void check_names(const ComposedJob& job, const Repository& repository) const;

  bool keeps(const ComposedJob& job) const;

 private:
  template <class Act>
  void with_mark(Act act) const;

  std::optional<Where> where_;
  Mark mark_;
};

}  // namespace cq::config
