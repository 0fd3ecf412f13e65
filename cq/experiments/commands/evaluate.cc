#include "cq/experiments/commands/evaluate.h"

#include <charconv>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cq/base/error.h"
#include "cq/base/json.h"
#include "cq/experiments/commands/common_expect.h"
#include "cq/metrics/evaluation.h"

namespace cq {
namespace {

int64_t read_integer(const std::string& text, const char* flag, const char* word) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw UsageError("{} expects a number or '{}', got '{}'", flag, word, text);
  }
  return value;
}

/// The parameters of one metric that flags set.
config::Node parameters_for(const std::string& metric, const EvaluateOptions& options) {
  config::Node params = config::Node::dict();
  if (metric == "kid") {
    if (options.kid_subset_size) {
      const std::string& size = *options.kid_subset_size;
      params.put("subset_size", size == "all"
                                    ? config::Node()
                                    : config::Node(read_integer(size, "--kid-subset-size", "all")));
    }
    if (options.kid_subsets) params.put("subsets", config::Node(*options.kid_subsets));
  }
  if (metric == "is") {
    if (options.is_splits) params.put("splits", config::Node(*options.is_splits));
    if (options.is_shuffle) {
      const std::string& seed = *options.is_shuffle;
      params.put("shuffle", seed == "none"
                                ? config::Node()
                                : config::Node(read_integer(seed, "--is-shuffle", "none")));
    } else if (options.seed) {
      params.put("shuffle", config::Node(*options.seed));
    }
  }
  if ((metric == "kid" || metric == "fid_inf") && options.seed) {
    params.put("seed", config::Node(*options.seed));
  }
  const bool neighbours =
      metric == "precision" || metric == "recall" || metric == "density" || metric == "coverage";
  if (neighbours && options.k) params.put("k", config::Node(*options.k));
  return params;
}

EvaluationRequest request_of(const EvaluateOptions& options) {
  EvaluationRequest request;
  for (const std::string& asked : options.metrics) {
    const std::string name = metric_of_label(asked, options.features);
    request.metrics.push_back({name, parameters_for(name, options)});
  }
  if (options.generated) request.generated = EvaluationInput::open(*options.generated);
  if (options.reference) request.reference = EvaluationInput::open(*options.reference);
  request.logits = options.logits;
  request.network = options.features;
  request.interval_splits = options.interval_splits;
  request.batch = options.batch;
  request.skip_bad = options.skip_bad;
  if (options.features != "none" && options.make_network) {
    request.make_network = [&options] {
      return options.make_network(options.features, options.weights);
    };
  }
  return request;
}

std::string table_of(const nlohmann::ordered_json& document) {
  std::string text;
  for (const auto& [name, entry] : document["metrics"].items()) {
    text += fmt::format("{:<12} {:.6g}", name, entry["value"].get<double>());
    if (entry.contains("std")) text += fmt::format(" ± {:.2g}", entry["std"].get<double>());
    text += "\n";
    for (const auto& [key, value] : entry["protocol"].items()) {
      text += fmt::format("             {}: {}\n", key,
                          value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
  return text;
}

std::vector<Expectation> expectations_of(const EvaluateOptions& options) {
  std::vector<Expectation> result;
  for (const std::string& text : options.expect) {
    Expectation expectation = read_expectation(text, "fid<=12.5");
    const std::string name = metric_of_label(expectation.name, options.features);
    bool asked = false;
    for (const std::string& metric : options.metrics) {
      asked |= metric_of_label(metric, options.features) == name;
    }
    if (!asked) {
      throw UsageError("--expect '{}': '{}' is not among --metrics {}", text, expectation.name,
                       fmt::join(options.metrics, ","));
    }
    expectation.name = metric_label(name, options.features);
    result.push_back(expectation);
  }
  return result;
}

}  // namespace

nlohmann::ordered_json evaluate(const EvaluateOptions& options) {
  nlohmann::ordered_json document = {{"metrics", nlohmann::ordered_json::object()}};
  for (const EvaluatedMetric& metric : evaluate_metrics(request_of(options))) {
    nlohmann::ordered_json entry = {{"value", metric.result.value}};
    if (metric.result.std) entry["std"] = *metric.result.std;
    entry["protocol"] = metric.result.protocol;
    document["metrics"][metric.label] = entry;
  }
  return document;
}

int evaluate_command(const EvaluateOptions& options) {
  const std::vector<Expectation> expectations = expectations_of(options);
  const nlohmann::ordered_json document = evaluate(options);
  const std::string text = options.json ? pretty_json(document) : table_of(document);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  check_expectations(expectations, [&](const std::string& name) {
    return document["metrics"][name]["value"].get<double>();
  });
  return 0;
}

}  // namespace cq
