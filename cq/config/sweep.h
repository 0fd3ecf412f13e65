#pragma once
// From sweeping overrides and `sweep:` blocks to the cells of the sweep.
#include <map>
#include <string>
#include <vector>

#include "cq/config/override.h"
#include "cq/config/repository.h"

namespace cq::config {

/// Points that run together: each point is one or, for zip, several overrides of one value each.
struct Axis {
  std::vector<std::string> keys;  // with prefix and package, one for each override of a point
  std::vector<std::vector<std::string>> points;
  Mark mark;  // of an axis of a sweep block
  /// Where the sweep block has the value that an override of a point gives.
  std::map<std::string, Mark> places;
};

struct SweepBlock {
  std::vector<Axis> axes;
  std::string where;
  Mark where_mark;  // unknown: no `where`, all cells are kept
};

/// The axis of one override; a single value is an axis of one point.
Axis axis_of(const Override& over, const Repository& repository);

/// "zip(a=1,2, b=[3, 4])": the axes step together. Throws UsageError where lengths differ.
Axis zip_axis(const std::string& text, const Repository& repository);

/// "; did you mean 'where'?" for a key of a sweep block that is near one that is no axis.
std::string block_key_hint(const std::string& key);

/// The `sweep:` mapping of a primary config. Throws UsageError with the line at fault: an axis
/// without values, one that is given twice, a value that the override grammar refuses.
SweepBlock read_sweep_block(const Node& block, const Repository& repository);

/// Adds an axis; one that is there with the same key is replaced in its place.
void put_axis(std::vector<Axis>& axes, Axis axis);

/// How many combinations the axes have. Throws UsageError beyond a million.
std::size_t combination_count(const std::vector<Axis>& axes);

/// One of all combinations, the last axis fastest: the overrides of one cell.
std::vector<std::string> combination(const std::vector<Axis>& axes, std::size_t number);

}  // namespace cq::config
