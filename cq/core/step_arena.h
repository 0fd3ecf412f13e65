#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

namespace cq {

/// Memory of the tensors that a denoising step makes and drops. The first step of a kind is
/// watched: how large each tensor is and how long it lives. From that its tensors get places in one
/// piece of memory, those that are never alive together sharing theirs (greedy by size: Pisarchyk
/// and Lee, "Efficient memory management for deep neural net inference", 2020), and later steps of
/// the kind allocate nothing. Tensors that outlive their step (its result, a kept feature) get
/// blocks of a pool. A step that turns out differently than its plan is safe: what does not fit is
/// allocated as usual, and the next step of the kind is watched again.
class StepArena {
 public:
  /// Everything this thread allocates through libtorch while a scope lives is of one step. A scope
  /// inside another, or beside that of another thread, does nothing.
  class Scope {
   public:
    /// Steps of equal `kind` are expected to allocate alike.
    explicit Scope(uint64_t kind);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    bool active_;
  };

  struct Counters {
    int64_t watched = 0;  ///< tensors of steps that were watched
    int64_t planned = 0;  ///< tensors of later steps with a place in the plan or the pool
    int64_t outside = 0;  ///< tensors of later steps that had to be allocated
    size_t bytes = 0;     ///< memory held, pool included
  };
  static Counters counters();
  /// Gives back memory that no living tensor uses, for what comes between steps; plans are kept.
  static void release();
  /// The same, and forgets the plans.
  static void clear();
};

/// One number of several, for StepArena::Scope.
template <class... Parts>
uint64_t step_kind(const Parts&... parts) {
  uint64_t hash = 14695981039346656037U;
  ((hash = (hash ^ uint64_t(parts)) * 1099511628211U, hash ^= hash >> 29), ...);
  return hash;
}

}  // namespace cq
