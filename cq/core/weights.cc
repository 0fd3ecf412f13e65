#include "cq/core/weights.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <ATen/CPUGeneratorImpl.h>

#include "cq/base/error.h"

namespace cq {

Init Init::fan(int64_t fan_in) {
  return {Kind::uniform, 1 / std::sqrt(double(fan_in)), fan_in};
}
Init Init::zero_of(int64_t fan_in) {
  return {Kind::zeros, 0, fan_in};
}

Weights::Weights(InitMode mode, uint64_t seed) : mode_(mode), seed_(seed) {}
Weights::Weights(std::shared_ptr<const WeightSource> source) : source_(std::move(source)) {}

at::Tensor Weights::initial(at::IntArrayRef shape, const Init& init) {
  if (mode_ == InitMode::shapes) return at::empty(shape, at::kFloat);
  // Every leaf has its own stream, so that adding a layer leaves the others as they were.
  auto generator = at::detail::createCPUGenerator(seed_ * 1000003 + leaves_.size());
  const bool hidden_zero = init.kind == Init::Kind::zeros && mode_ == InitMode::random;
  auto values = at::empty(shape, at::kFloat);
  if (hidden_zero || init.kind == Init::Kind::uniform) {
    const double bound = init.fan_in > 0 ? 1 / std::sqrt(double(init.fan_in)) : 0.1;
    return values.uniform_(-bound, bound, generator);
  }
  switch (init.kind) {
    case Init::Kind::ones:
      values.fill_(1);
      break;
    case Init::Kind::normal:
      values.normal_(0, init.scale, generator);
      break;
    default:
      values.zero_();
  }
  if (mode_ == InitMode::random && init.kind == Init::Kind::ones) {
    values.add_(at::empty(shape, at::kFloat).uniform_(-0.2, 0.2, generator));
  }
  return values;
}

namespace {

/// In place of a tensor that a faulty source lacks, without its memory: a file that is cut off must
/// not cost that of the whole network.
at::Tensor absent(at::IntArrayRef shape) {
  return at::zeros({}, at::kFloat).expand(shape);
}

}  // namespace

at::Tensor Weights::fetch(const std::string& name, at::IntArrayRef shape) {
  if (!source_->has(name)) {
    faults_.push_back(fmt::format("missing {}", name));
    return absent(shape);
  }
  auto value = source_->get(name);
  // Products of one position are 1-D or 2-D convolutions or linear layers, as a layout pleases.
  const auto core = [](at::IntArrayRef s) {
    while (s.size() > 2 && s.back() == 1) s = s.slice(0, s.size() - 1);
    return s;
  };
  if (value.sizes() != shape && core(value.sizes()) == core(shape)) value = value.reshape(shape);
  if (value.sizes() != shape) {
    faults_.push_back(fmt::format("{} has shape [{}], expected [{}]", name,
                                  fmt::join(value.sizes(), ", "), fmt::join(shape, ", ")));
    return absent(shape);
  }
  return value.to(at::kFloat);
}

namespace {

/// One below the other. Values that exist as a single number (weights that a packed checkpoint has
/// in integers) stay one.
at::Tensor join_rows(const std::vector<at::Tensor>& parts) {
  const auto single = [](const at::Tensor& part) {
    return part.storage().nbytes() == part.itemsize() && part.numel() > 1;
  };
  if (!std::all_of(parts.begin(), parts.end(), single)) return at::cat(parts, 0);
  auto shape = parts[0].sizes().vec();
  shape[0] *= int64_t(parts.size());
  return parts[0].flatten()[0].expand(shape);
}

}  // namespace

at::Tensor Weights::add(const std::string& name, at::IntArrayRef shape, const Init& init) {
  auto value = source_ ? fetch(name, shape) : initial(shape, init);
  leaves_.push_back(value);
  named_.push_back({name, value});
  return value;
}

at::Tensor Weights::add_rows(const std::vector<std::string>& names, at::IntArrayRef shape,
                             const Init& init) {
  std::vector<int64_t> fused(shape.begin(), shape.end());
  fused[0] *= int64_t(names.size());
  at::Tensor value;
  if (source_) {
    std::vector<at::Tensor> parts;
    for (const auto& name : names) parts.push_back(fetch(name, shape));
    value = join_rows(parts);
  } else {
    value = initial(fused, init);
  }
  leaves_.push_back(value);
  for (size_t i = 0; i < names.size(); ++i) {
    rows_.push_back({named_.size(), leaves_.size() - 1, int64_t(i) * shape[0], shape[0]});
    named_.push_back({names[i], {}});
  }
  return value;
}

at::Tensor Weights::add_by_head(const std::string& name, const std::vector<std::string>& parts,
                                int64_t heads, at::IntArrayRef shape, const Init& init) {
  if (!source_ || source_->has(name) || !source_->has(parts.front())) {
    return add(name, shape, init);
  }
  std::vector<int64_t> one(shape.begin(), shape.end());
  one[0] /= int64_t(parts.size());
  std::vector<at::Tensor> rows;
  for (const auto& part : parts) {
    rows.push_back(fetch(part, one).view({heads, 1, one[0] / heads, -1}));
    parts_.push_back(part);
  }
  leaves_.push_back(at::cat(rows, 1).reshape(shape));
  named_.push_back({name, leaves_.back()});
  return leaves_.back();
}

at::Tensor Weights::add_fixed(const std::string& name, const at::Tensor& value) {
  const bool given = source_ && (source_->has(name) || !source_->implies(name));
  auto fixed = given ? fetch(name, value.sizes()) : value.clone();
  fixed_.push_back(fixed);
  named_.push_back({name, fixed});
  return fixed;
}

const Unit* Weights::add(Unit unit) {
  unit.id = int64_t(units_.size());
  return &units_.emplace_back(std::move(unit));
}

const AttentionUnit* Weights::add(AttentionUnit unit) {
  unit.id = int64_t(attentions_.size());
  return &attentions_.emplace_back(std::move(unit));
}

void Weights::check_complete(const std::vector<std::string>& ignored) const {
  if (!source_) return;
  auto faults = faults_;
  std::set<std::string> known(parts_.begin(), parts_.end());
  for (const auto& entry : named_) known.insert(entry.name);
  for (const auto& name : source_->names()) {
    const bool skip = std::any_of(ignored.begin(), ignored.end(),
                                  [&](const auto& prefix) { return name.starts_with(prefix); });
    if (!skip && !known.contains(name)) faults.push_back(fmt::format("unknown {}", name));
  }
  if (faults.empty()) return;
  const size_t shown = std::min<size_t>(faults.size(), 12);
  throw RunError("{}: the weights do not fit the network, {} faults: {}{}", source_->description(),
                 faults.size(), fmt::join(faults.begin(), faults.begin() + shown, "; "),
                 shown < faults.size() ? "; ..." : "");
}

std::vector<Weights::Named> Weights::named() const {
  auto all = named_;
  // Made anew, because a view keeps the memory that its leaf had before `to` another device.
  for (const auto& rows : rows_) {
    all[rows.named].value = leaves_[rows.leaf].detach().narrow(0, rows.first, rows.count);
  }
  return all;
}

int64_t Weights::count() const {
  int64_t n = 0;
  for (const auto& leaf : leaves_) n += leaf.numel();
  for (const auto& value : fixed_) n += value.numel();
  return n;
}

void Weights::to(const at::Device& device) {
  // In place, because units and names hold the leaves.
  for (auto& leaf : leaves_) {
    if (leaf.device() != device) leaf.set_data(leaf.to(device));
  }
  for (auto& value : fixed_) {
    if (value.device() != device) value.set_data(value.to(device));
  }
}

void Weights::require_grad(bool on) {
  for (auto& leaf : leaves_) leaf.set_requires_grad(on);
}

Scope Scope::operator/(std::string_view child) const {
  return Scope(*weights_, name(child));
}

std::string Scope::name(std::string_view child) const {
  return prefix_.empty() ? std::string(child) : fmt::format("{}.{}", prefix_, child);
}

}  // namespace cq
