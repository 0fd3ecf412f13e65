// Every metric on features beside the published packages' own functions, from the same random
// numbers: golden/generate_peers.py. Threads, order, batches and shards change no digit of it.
#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "cq/metrics/register.h"
#include "tests/metrics/golden.h"

namespace cq {
namespace {

/// numpy's RandomState(seed).random_sample.
at::Tensor random_sample(std::mt19937& engine, int64_t rows, int64_t width) {
  at::Tensor values = at::empty({rows, width}, at::TensorOptions().dtype(at::kDouble));
  for (int64_t i = 0; i < values.numel(); ++i) {
    const uint64_t high = engine() >> 5, low = engine() >> 6;
    values.data_ptr<double>()[i] = static_cast<double>(high << 26 | low) / 9007199254740992.0;
  }
  return values;
}

/// `shared` of the generator.
at::Tensor shared(uint32_t seed, int64_t rows, int64_t width, double spread) {
  std::mt19937 engine(seed);
  const at::Tensor own = random_sample(engine, rows, width);
  const at::Tensor common = random_sample(engine, rows, 4).repeat({1, width / 4});
  return ((own - 0.4) * spread + common * 0.5).clamp_min(0).to(at::kFloat);
}

class Peers : public ::testing::Test {
 protected:
  Peers() {
    all_.generated.features = shared(1, 1000, 256, 1.0);
    all_.reference.features = shared(2, 900, 256, 1.05);
    all_.generated.logits = (shared(3, 2000, 100, 1.0).to(at::kDouble) + 0.01).log() * 2;
    std::ifstream file(testing::golden_path("peers.json"));
    peers_ = nlohmann::json::parse(file);
  }
  ~Peers() override { at::set_num_threads(threads_); }

  static std::unique_ptr<Metric> make(const std::string& name) {
    config::Node params = config::Node::dict();
    if (name == "kid") params.put("subset_size", config::Node());
    return metric_registry().make(name, params, MetricSource{});
  }
  MetricResult result(const std::string& name) const {
    const auto metric = make(name);
    metric->add(all_);
    return metric->result();
  }
  static void near(double value, const nlohmann::json& expected, const std::string& what) {
    EXPECT_NEAR(value, expected.get<double>(), 1e-6 * std::abs(expected.get<double>())) << what;
  }

  MetricBatch all_;
  nlohmann::json peers_;
  int threads_ = at::get_num_threads();
};

TEST_F(Peers, FrechetDistanceOfThreePackages) {
  for (const auto& [package, value] : peers_["fid"].items()) {
    near(result("fid").value, value, package);
  }
}

TEST_F(Peers, KernelDistances) {
  near(result("kid").value, peers_["kid"]["scikit-learn"], "kid");
  near(result("cmmd").value, peers_["cmmd"]["scikit-learn"], "cmmd");
  all_.generated.features = all_.generated.features.slice(0, 0, 900);
  for (const auto& [package, value] : peers_["kid_equal_sizes"].items()) {
    near(result("kid").value, value, package);
  }
}

TEST_F(Peers, InceptionScore) {
  const auto& expected = peers_["is"]["torch-fidelity"];
  near(result("is").value, expected["mean"], "is");
  near(*result("is").std, expected["std"], "std");
}

TEST_F(Peers, Neighbours) {
  for (const auto& [package, values] : peers_["k_3"].items()) {
    near(result("precision").value, values["precision"], package);
    near(result("recall").value, values["recall"], package);
  }
  near(result("density").value, peers_["k_5"]["scikit-learn"]["density"], "density");
  near(result("coverage").value, peers_["k_5"]["scikit-learn"]["coverage"], "coverage");
}

TEST_F(Peers, ThreadsOrderBatchesAndShardsChangeNoDigit) {
  const auto subset_kid = [] {
    config::Node params = config::Node::dict();
    params.put("subset_size", config::Node(300));
    params.put("subsets", config::Node(12));
    return metric_registry().make("kid", params, MetricSource{});
  };
  const auto values = [&](bool cut) {
    std::vector<double> result;
    for (const char* name : {"fid", "fid_inf", "kid", "", "cmmd", "is", "precision", "density"}) {
      const auto make_one = [&] { return *name == '\0' ? subset_kid() : make(name); };
      const auto metric = make_one();
      if (cut) {
        // Batches of odd sizes over two shards; rows of features backwards. IS is of rows in order.
        const auto second = make_one();
        for (int64_t begin = 0; begin < 2000; begin += 333) {
          MetricBatch part;
          const auto rows = [&](const at::Tensor& from) {
            return from.slice(0, begin, begin + 333);
          };
          part.generated.features = rows(all_.generated.features.flip(0));
          part.reference.features = rows(all_.reference.features.flip(0));
          part.generated.logits = rows(all_.generated.logits);
          (begin < 999 ? metric : second)->add(part);
        }
        metric->merge(*second);
      } else {
        metric->add(all_);
      }
      const MetricResult done = metric->result();
      result.push_back(done.value);
      result.push_back(done.std.value_or(0));
    }
    return result;
  };
  at::set_num_threads(1);
  const std::vector<double> expected = values(false);
  for (const int threads : {1, 2, 3}) {
    at::set_num_threads(threads);
    EXPECT_EQ(values(true), expected) << threads << " threads";
  }
}

}  // namespace
}  // namespace cq
