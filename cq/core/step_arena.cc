#include "cq/core/step_arena.h"

#include <deque>
#include <map>
#include <mutex>
#include <unordered_map>

#include <c10/core/CPUAllocator.h>

#include "cq/core/huge_memory.h"
#include "cq/core/step_plan.h"

namespace cq {

namespace {

constexpr size_t kAlignment = 64;
/// Plans kept; the oldest goes.
constexpr size_t kMostPlans = 32;

struct Plan {
  std::vector<StepBlock> blocks;
  std::vector<std::vector<size_t>> deaths;  ///< blocks that die before each allocation
  size_t bytes = 0;
};

/// A block of the plan, or of the pool, as it is used by a tensor.
struct Use {
  std::byte* data = nullptr;
  size_t bytes = 0;
  std::atomic<bool> alive{false};
};

/// Address of a tensor's Use, in front of its data: libtorch wants the data's address to be all
/// that a deleter needs.
constexpr size_t kHeader = kAlignment;

Use*& use_of(void* data) {
  return *reinterpret_cast<Use**>(static_cast<std::byte*>(data) - kHeader);
}

class Memory {
 public:
  std::byte* data() const { return data_.get(); }
  size_t size() const { return size_; }
  bool holds(const void* p) const { return p >= data() && p < data() + size_; }
  /// False where the system has no more.
  bool resize(size_t bytes) {
    release();
    data_ = map_huge(bytes);
    if (!data_) return false;
    size_ = bytes;
    return true;
  }
  void release() {
    data_.reset();
    size_ = 0;
  }

 private:
  std::shared_ptr<std::byte> data_;
  size_t size_ = 0;
};

class Arena : public c10::Allocator {
 public:
  static Arena& instance() {
    static auto* arena = [] {
      auto* made = new Arena;  // lives as long as tensors may
      c10::SetCPUAllocator(made, 1);
      return made;
    }();
    return *arena;
  }

  bool enter(uint64_t kind) {
    if (thread_in_scope_ || busy_.exchange(true)) return false;
    thread_in_scope_ = true;
    kind_ = kind;
    next_ = 0;
    late_.clear();
    for (auto& use : uses_) {
      if (use.alive) late_.push_back(&use);
    }
    const auto found = plans_.find(kind);
    plan_ = found == plans_.end() || !provide(found->second) ? nullptr : &found->second;
    watching_ = plan_ == nullptr;
    // A watched step allocates as usual, and need not find another kind's memory beside it.
    if (watching_ && none_alive()) memory_.release();
    return true;
  }

  void leave() {
    if (watching_) {
      learn();
    } else if (strayed_ || next_ != plan_->blocks.size()) {
      plans_.erase(kind_);
    }
    watched_.clear();
    living_.clear();
    plan_ = nullptr;
    watching_ = strayed_ = false;
    thread_in_scope_ = false;
    busy_ = false;
  }

  c10::DataPtr allocate(size_t bytes) override {
    if (!thread_in_scope_ || bytes == 0) return system_.allocate(bytes);
    if (watching_) return watch(bytes);
    if (auto* use = place(bytes)) {
      ++counters_.planned;
      return {use->data, use->data, &Arena::drop, c10::Device(c10::kCPU)};
    }
    ++counters_.outside;
    return system_.allocate(bytes);
  }

  c10::DeleterFnPtr raw_deleter() const override { return &Arena::drop_any; }

  void copy_data(void* to, const void* from, size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }

  StepArena::Counters counters() {
    auto counters = counters_;
    counters.bytes = memory_.size();
    for (const auto& use : pool_) counters.bytes += use->bytes;
    return counters;
  }

  void release(bool plans_too) {
    if (busy_.exchange(true)) return;
    if (plans_too) plans_.clear();
    std::erase_if(pool_, [](const auto& use) { return !use->alive; });
    if (none_alive()) memory_.release();
    busy_ = false;
  }

 private:
  Arena() : system_(*c10::GetDefaultCPUAllocator()) {}

  static void drop(void* data) { use_of(data)->alive = false; }

  /// Of memory that was asked for without a DataPtr, whoever gave it.
  static void drop_any(void* data) {
    auto& arena = instance();
    if (arena.memory_.holds(data) || arena.in_pool(data)) return drop(data);
    arena.system_.raw_deleter()(data);
  }

  static void drop_watched(void* data) {
    auto& arena = instance();
    if (arena.thread_in_scope_ && arena.watching_) {
      const auto found = arena.living_.find(data);
      if (found != arena.living_.end()) {
        arena.watched_[found->second].dies = int64_t(arena.watched_.size());
        arena.living_.erase(found);
      }
    }
    arena.system_.raw_deleter()(data);
  }

  bool in_pool(const void* data) const {
    for (const auto& use : pool_) {
      if (use->data == data) return true;
    }
    return false;
  }

  bool none_alive() const {
    for (const auto& use : uses_) {
      if (use.alive) return false;
    }
    return true;
  }

  c10::DataPtr watch(size_t bytes) {
    ++counters_.watched;
    auto data = system_.allocate(bytes);
    living_[data.get()] = watched_.size();
    watched_.push_back(
        {.bytes = bytes, .born = int64_t(watched_.size()), .dies = StepBlock::kOutlives});
    void* at = data.release_context();
    return {at, at, &Arena::drop_watched, c10::Device(c10::kCPU)};
  }

  void learn() {
    if (plans_.size() >= kMostPlans) plans_.clear();
    auto& plan = plans_[kind_];
    plan.blocks = watched_;
    for (auto& block : plan.blocks) block.bytes += kHeader;
    plan.bytes = place_blocks(plan.blocks, kAlignment);
    plan.deaths.assign(plan.blocks.size() + 1, {});
    for (size_t i = 0; i < plan.blocks.size(); ++i) {
      const auto& block = plan.blocks[i];
      if (!block.outlives()) plan.deaths[size_t(block.dies)].push_back(i);
    }
  }

  /// Memory and bookkeeping for a plan; false where living tensors are in the way.
  bool provide(const Plan& plan) {
    if (plan.bytes > memory_.size()) {
      if (!none_alive() || !memory_.resize(plan.bytes)) return false;
    }
    if (plan.blocks.size() > uses_.size()) {
      if (!late_.empty()) return false;
      uses_ = std::deque<Use>(plan.blocks.size());
    } else if (!late_.empty()) {
      return false;
    }
    return true;
  }

  /// The next tensor's place; null where there is none.
  Use* place(size_t bytes) {
    const auto& plan = *plan_;
    if (strayed_ || next_ >= plan.blocks.size() || plan.blocks[next_].bytes != bytes + kHeader) {
      strayed_ = true;
      return nullptr;
    }
    const size_t index = next_++;
    for (const size_t i : plan.deaths[index]) {
      if (uses_[i].alive) late_.push_back(&uses_[i]);
    }
    const auto& block = plan.blocks[index];
    if (block.outlives()) return from_pool(block.bytes);
    std::byte* data = memory_.data() + block.offset + kHeader;
    for (const auto* late : late_) {
      const bool apart =
          data + bytes <= late->data - kHeader || late->data + late->bytes <= data - kHeader;
      if (late->alive && !apart) return nullptr;
    }
    return use(uses_[index], data, bytes);
  }

  static Use* use(Use& use, std::byte* data, size_t bytes) {
    use.data = data;
    use.bytes = bytes;
    use.alive = true;
    use_of(data) = &use;
    return &use;
  }

  Use* from_pool(size_t bytes) {
    for (const auto& held : pool_) {
      if (!held->alive && held->bytes == bytes) return use(*held, held->data, bytes);
    }
    ++counters_.outside;
    --counters_.planned;
    auto& made = pool_.emplace_back(std::make_unique<Pooled>());
    made->memory = system_.allocate(bytes);
    return use(*made, static_cast<std::byte*>(made->memory.get()) + kHeader, bytes);
  }

  struct Pooled : Use {
    c10::DataPtr memory;
  };

  c10::Allocator& system_;
  static thread_local bool thread_in_scope_;
  std::atomic<bool> busy_{false};
  std::map<uint64_t, Plan> plans_;
  Memory memory_;
  std::deque<Use> uses_;  ///< of the plan that runs, block by block
  std::vector<std::unique_ptr<Pooled>> pool_;
  StepArena::Counters counters_;

  // Of the scope that is open.
  uint64_t kind_ = 0;
  const Plan* plan_ = nullptr;
  size_t next_ = 0;
  bool watching_ = false, strayed_ = false;
  std::vector<const Use*> late_;  ///< alive longer than planned
  std::vector<StepBlock> watched_;
  std::unordered_map<void*, size_t> living_;
};

thread_local bool Arena::thread_in_scope_ = false;

}  // namespace

StepArena::Scope::Scope(uint64_t kind) : active_(Arena::instance().enter(kind)) {}

StepArena::Scope::~Scope() {
  if (active_) Arena::instance().leave();
}

StepArena::Counters StepArena::counters() {
  return Arena::instance().counters();
}

void StepArena::release() {
  Arena::instance().release(false);
}

void StepArena::clear() {
  Arena::instance().release(true);
}

}  // namespace cq
