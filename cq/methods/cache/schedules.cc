#include "cq/methods/cache/schedules.h"

#include "cq/base/error.h"
#include "cq/methods/cache/dps_solver.h"
#include "cq/methods/cache/power_schedule.h"
#include "cq/methods/cache/uniform_schedule.h"

namespace cq {
namespace {

constexpr const char* kDeepCache = "DeepCache, CVPR 2024, arXiv 2312.00858";
constexpr const char* kCacheQuant = "CacheQuant, CVPR 2025, arXiv 2503.01323";

struct NoParameters {};

class Uniform : public ScheduleMethod {
 public:
  static constexpr const char* name = "uniform";
  static constexpr const char* doc = "recomputes steps 0, N, 2N, ...";
  static constexpr const char* source = kDeepCache;
  using Parameters = NoParameters;
  static const config::Params<Parameters>& parameters() {
    static const config::Params<Parameters> params;
    return params;
  }
  explicit Uniform(const Parameters&) {}
  Schedule make(const ScheduleRequest& request) const override {
    return uniform_schedule(request.steps, request.interval);
  }
};

class Dps : public ScheduleMethod {
 public:
  static constexpr const char* name = "dps";
  static constexpr const char* doc = "the partition whose reused features are closest to the true";
  static constexpr const char* source = kCacheQuant;
  using Parameters = DpsBounds;
  static const config::Params<Parameters>& parameters() {
    static const auto params =
        config::Params<Parameters>()
            .field("min_group", &DpsBounds::min_group, "shortest group; null is ceil(N/2)", {1},
                   "steps", kCacheQuant)
            .field("max_group", &DpsBounds::max_group, "longest group, may exceed T; null is 2N",
                   {1}, "steps", kCacheQuant)
            .field("bounded", &DpsBounds::bounded, "false lets groups have any length");
    return params;
  }
  explicit Dps(const Parameters& bounds) : bounds_(bounds) {}
  Schedule make(const ScheduleRequest& request) const override {
    dps_group_lengths(request.steps, request.interval, bounds_);
    if (request.costs == nullptr) {
      throw UsageError(
          "[dps] needs the costs of reuse, a T x T table (T={} steps, interval {}); give --cost "
          "C.npy",
          request.steps, request.interval);
    }
    return dps_schedule(*request.costs, request.interval, bounds_);
  }

 private:
  DpsBounds bounds_;
};

class DeepcacheQuad : public ScheduleMethod {
 public:
  static constexpr const char* name = "deepcache-quad";
  static constexpr const char* doc = "powers centred at a step, Stable Diffusion's schedule";
  static constexpr const char* source = kDeepCache;
  using Parameters = CentredPower;
  static const config::Params<Parameters>& parameters() {
    static const auto params =
        config::Params<Parameters>()
            .field("p", &CentredPower::power, "power, lowered by 0.02 until the schedule fits")
            .field("c", &CentredPower::center, "centre, where groups are shortest", {0}, "steps");
    return params;
  }
  explicit DeepcacheQuad(const Parameters& params) : params_(params) {}
  Schedule make(const ScheduleRequest& request) const override {
    return deepcache_quad_schedule(request.steps, request.interval, params_);
  }

 private:
  CentredPower params_;
};

class LdmQuad : public ScheduleMethod {
 public:
  static constexpr const char* name = "ldm-quad";
  static constexpr const char* doc = "powers from step 0, LDM's schedule";
  static constexpr const char* source = kDeepCache;
  struct Parameters {
    double power = 1.5;
  };
  static const config::Params<Parameters>& parameters() {
    static const auto params = config::Params<Parameters>().field("p", &Parameters::power, "power");
    return params;
  }
  explicit LdmQuad(const Parameters& params) : power_(params.power) {}
  Schedule make(const ScheduleRequest& request) const override {
    return ldm_quad_schedule(request.steps, request.interval, power_);
  }

 private:
  double power_;
};

}  // namespace

ScheduleRegistry schedule_registry() {
  ScheduleRegistry registry("schedule");
  registry.add<Uniform>().add<Dps>().add<DeepcacheQuad>().add<LdmQuad>();
  return registry;
}

}  // namespace cq
