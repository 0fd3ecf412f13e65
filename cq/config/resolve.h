#pragma once
// Interpolations to values, as OmegaConf 2.3 resolves them.
#include <string>

#include "cq/config/node.h"

namespace cq::config {

/// The tree with every interpolation replaced by its value. Throws UsageError with place and dotted
/// key for unknown keys and resolvers, cycles, references to `???`, and values that grow without
/// bound.
Node resolve(const Node& root);

/// The value of one string that may hold interpolations, as if it stood at the key `path` of
/// `root`.
Node resolve_at(const Node& root, const std::string& path, const Node& value);

/// OmegaConf.select: the value at a dotted path, following interpolations on the way and at its
/// end; null where there is none or where it is `???`.
Node select(const Node& root, const std::string& path);

/// The dotted path of what select() gives, which interpolations on the way make another one; as it
/// is where there is nothing.
std::string place_of(const Node& root, const std::string& path);

}  // namespace cq::config
