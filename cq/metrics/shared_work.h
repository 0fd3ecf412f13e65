#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cq/core/tensor.h"

namespace cq {

/// Intermediate results that several metrics need of the same tensors (precision, recall, density
/// and coverage ask for the same distances), computed by the first that asks. For one thread.
class SharedWork {
 public:
  /// The result called `what` of these very tensors (by storage, not by value); `compute` gives it
  /// where it is not there yet. `what` determines the type T.
  template <class T>
  std::shared_ptr<const T> get(const std::string& what, const std::vector<at::Tensor>& of,
                               const std::function<T()>& compute) {
    if (const auto found = find(what, of)) return std::static_pointer_cast<const T>(found);
    auto made = std::make_shared<const T>(compute());
    entries_.push_back({what, of, made});
    return made;
  }

 private:
  struct Entry {
    std::string what;
    std::vector<at::Tensor> of;  // held, so that their addresses are not used again
    std::shared_ptr<const void> result;
  };
  std::shared_ptr<const void> find(const std::string& what,
                                   const std::vector<at::Tensor>& of) const;

  std::vector<Entry> entries_;
};

}  // namespace cq
