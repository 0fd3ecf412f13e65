#pragma once
// Weights of a network while it is built: names as in the published checkpoints, values from a
// file or from an initialiser.
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cq/core/layers/unit.h"
#include "cq/core/tensor.h"

namespace cq {

/// Named tensors that a network can be built from (a checkpoint, a part of one).
class WeightSource {
 public:
  virtual ~WeightSource() = default;
  virtual std::vector<std::string> names() const = 0;
  virtual bool has(const std::string& name) const = 0;
  /// Any floating type; the network converts it.
  virtual at::Tensor get(const std::string& name) const = 0;
  /// Whether the names leave out a tensor because it is a known constant.
  virtual bool implies(const std::string&) const { return false; }
  /// How messages call it, for instance the file's path.
  virtual std::string description() const = 0;
};

/// Initial distribution of a parameter.
struct Init {
  enum class Kind { zeros, ones, uniform, normal };
  Kind kind = Kind::zeros;
  double scale = 0;  ///< half width of the uniform, standard deviation of the normal
  int64_t fan_in = 0;

  /// U(-1/sqrt(fan_in), 1/sqrt(fan_in)), PyTorch's default for weights and biases.
  static Init fan(int64_t fan_in);
  /// As `fan`, but zero when a network is built for training (the last layer of a residual branch).
  static Init zero_of(int64_t fan_in);
  static Init zeros() { return {}; }
  static Init ones() { return {Kind::ones, 0, 0}; }
  static Init normal(double deviation) { return {Kind::normal, deviation, 0}; }
};

/// `training`: as the papers initialise (residual branches start at zero). `random`: no parameter
/// is zero, so that every layer shows in the output; for benchmarks and parity without weights.
/// `shapes`: values are left unset and their memory untouched, for counting.
enum class InitMode { training, random, shapes };

class Weights {
 public:
  struct Named {
    std::string name;
    at::Tensor value;  ///< a leaf or a view of one
  };

  Weights(InitMode mode, uint64_t seed);
  /// Takes every parameter from `source`; one that is missing is noted until `check_complete`.
  explicit Weights(std::shared_ptr<const WeightSource> source);

  at::Tensor add(const std::string& name, at::IntArrayRef shape, const Init& init);
  /// One leaf whose rows are several named parameters of equal shape, [parts * rows, ...].
  at::Tensor add_rows(const std::vector<std::string>& names, at::IntArrayRef shape,
                      const Init& init);
  /// One leaf `name`, [heads * parts * d, ...], whose rows are interleaved by head: those of every
  /// part for the first head, then for the second. Layouts that keep the parts apart have them as
  /// `parts`, with all heads one after the other.
  at::Tensor add_by_head(const std::string& name, const std::vector<std::string>& parts,
                         int64_t heads, at::IntArrayRef shape, const Init& init);
  /// A value that is not trained: from the source, else (without one, or where it implies the
  /// tensor) `value`.
  at::Tensor add_fixed(const std::string& name, const at::Tensor& value);
  const Unit* add(Unit unit);
  const AttentionUnit* add(AttentionUnit unit);

  /// Throws RunError naming parameters that the source lacks, has beyond these, or in another
  /// shape. Names that begin with one of `ignored` may stay unread.
  void check_complete(const std::vector<std::string>& ignored = {}) const;

  /// In the order in which they were added.
  std::vector<Named> named() const;
  const std::vector<at::Tensor>& leaves() const { return leaves_; }
  const std::deque<Unit>& units() const { return units_; }
  const std::deque<AttentionUnit>& attentions() const { return attentions_; }
  int64_t count() const;

  /// Moves every value to another device or type; units see the change.
  void to(const at::Device& device);
  void require_grad(bool on);

 private:
  /// Rows `first` to `first` + `count` of a leaf, under the name of entry `named` of named_.
  struct Rows {
    size_t named, leaf;
    int64_t first, count;
  };
  at::Tensor initial(at::IntArrayRef shape, const Init& init);
  at::Tensor fetch(const std::string& name, at::IntArrayRef shape);

  InitMode mode_ = InitMode::training;
  uint64_t seed_ = 0;
  std::shared_ptr<const WeightSource> source_;
  std::vector<Named> named_;  ///< of `rows_`, the names alone
  std::vector<Rows> rows_;
  std::vector<at::Tensor> leaves_;
  std::vector<at::Tensor> fixed_;
  std::deque<Unit> units_;
  std::deque<AttentionUnit> attentions_;
  std::vector<std::string> faults_;
  std::vector<std::string> parts_;  ///< names of the source that were taken as parts of a leaf
};

/// A place in the tree of names: `scope / "attn1" / "to_q"`.
class Scope {
 public:
  explicit Scope(Weights& weights, std::string prefix = "")
      : weights_(&weights), prefix_(std::move(prefix)) {}
  Scope operator/(std::string_view child) const;
  Scope operator/(int64_t index) const { return *this / std::to_string(index); }

  std::string name(std::string_view child) const;
  const std::string& path() const { return prefix_; }
  Weights& weights() const { return *weights_; }
  at::Tensor add(std::string_view child, at::IntArrayRef shape, const Init& init) const {
    return weights_->add(name(child), shape, init);
  }

 private:
  Weights* weights_;
  std::string prefix_;
};

}  // namespace cq
