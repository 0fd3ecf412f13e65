#include "cq/metrics/shared_work.h"

#include <algorithm>

namespace cq {

std::shared_ptr<const void> SharedWork::find(const std::string& what,
                                             const std::vector<at::Tensor>& of) const {
  for (const Entry& entry : entries_) {
    if (entry.what == what && std::equal(entry.of.begin(), entry.of.end(), of.begin(), of.end(),
                                         [](const at::Tensor& a, const at::Tensor& b) {
                                           return a.const_data_ptr() == b.const_data_ptr() &&
                                                  a.sizes() == b.sizes();
                                         })) {
      return entry.result;
    }
  }
  return nullptr;
}

}  // namespace cq
