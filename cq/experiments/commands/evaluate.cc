#include "cq/experiments/commands/evaluate.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>

#include <c10/core/GradMode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cq/base/error.h"
#include "cq/base/json.h"
#include "cq/base/log.h"
#include "cq/experiments/commands/common_context.h"
#include "cq/experiments/commands/common_expect.h"
#include "cq/metrics/evaluation.h"
#include "cq/metrics/lpips_network.h"

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

bool among(const std::vector<std::string>& names, std::initializer_list<const char*> wanted) {
  return std::any_of(wanted.begin(), wanted.end(), [&](const char* name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  });
}

/// A flag that none of the metrics reads changes nothing: the user should know.
void warn_of_unused(const EvaluateOptions& options, const std::vector<std::string>& names) {
  const auto warn = [&](bool given, const char* flag, std::initializer_list<const char*> readers) {
    if (given && !among(names, readers)) {
      log_warning("{} changes nothing: it is of {}", flag, fmt::join(readers, ", "));
    }
  };
  warn(options.kid_subset_size || options.kid_subsets, "--kid-subset-size/--kid-subsets", {"kid"});
  warn(options.is_splits || options.is_shuffle, "--is-splits/--is-shuffle", {"is"});
  warn(options.k.has_value(), "--k", {"precision", "recall", "density", "coverage"});
}

std::filesystem::path cache_folder(const EvaluateOptions& options) {
  if (options.cache == "none") return {};
  if (!options.cache.empty()) return options.cache;
  const auto variable = [](const char* name) -> std::filesystem::path {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  const std::filesystem::path base = variable("XDG_CACHE_HOME"), home = variable("HOME");
  if (!base.empty()) return base / "cq-exp" / "references";
  return home.empty() ? home : home / ".cache" / "cq-exp" / "references";
}

/// Which files are the feature network's weights and which LPIPS'.
void choose_weights(const EvaluateOptions& options, const std::vector<std::string>& names,
                    const at::Device& device, EvaluationRequest& request) {
  const bool lpips = among(names, {"lpips"});
  const bool paired_alone = std::all_of(names.begin(), names.end(), [](const std::string& name) {
    return name == "psnr" || name == "ssim" || name == "lpips";
  });
  const bool weights_are_lpips =
      lpips && options.lpips_weights.empty() && (paired_alone || options.features == "none");
  auto perceptual = options.lpips_weights;
  if (!perceptual.empty() && !lpips) {
    throw UsageError("--lpips-weights: lpips is not among --metrics {}", fmt::join(names, ","));
  }
  if (weights_are_lpips && !options.weights.empty()) perceptual = {options.weights};
  for (const auto& file : perceptual) {
    if (!std::filesystem::exists(file)) throw UsageError("{}: no such file", file.string());
  }
  if (!perceptual.empty()) {
    request.make_perceptual = [perceptual, device] {
      return std::shared_ptr<const PerceptualNetwork>(make_lpips_network(perceptual, device));
    };
  }
  if (options.features == "none") {
    if (!options.weights.empty() && !weights_are_lpips) {
      throw UsageError("--weights {}: --features none uses no network", options.weights.string());
    }
    if (!options.resize.empty()) {
      throw UsageError("--resize {}: --features none uses no network", options.resize);
    }
    return;
  }
  if (!options.make_network) return;
  FeatureNetworkChoice choice{options.features, weights_are_lpips ? "" : options.weights,
                              options.resize, device};
  // CMMD is defined on a resize of its own; every other metric on CLIP's features is on CLIP's.
  const bool cmmd_alone = names.size() == 1 && names[0] == "cmmd";
  if (choice.name == "clip" && choice.resize.empty()) choice.resize = cmmd_alone ? "cmmd" : "clip";
  request.make_network = [make = options.make_network, choice] { return make(choice); };
}

EvaluationRequest request_of(const EvaluateOptions& options, const at::Device& device) {
  EvaluationRequest request;
  std::vector<std::string> names;
  for (const std::string& asked : options.metrics) {
    names.push_back(metric_of_label(asked, options.features));
    request.metrics.push_back({names.back(), parameters_for(names.back(), options)});
  }
  warn_of_unused(options, names);
  if (options.generated) request.generated = EvaluationInput::open(*options.generated);
  if (options.reference) request.reference = EvaluationInput::open(*options.reference);
  request.logits = options.logits;
  request.prompts = options.prompts;
  request.find_tokenizer = options.find_tokenizer;
  request.network = options.features;
  request.cache = cache_folder(options);
  request.interval_splits = options.interval_splits;
  request.batch = options.batch;
  request.skip_bad = options.skip_bad;
  choose_weights(options, names, device, request);
  return request;
}

std::string table_of(const nlohmann::ordered_json& document) {
  std::string text;
  for (const auto& [name, entry] : document["metrics"].items()) {
    text += fmt::format("{:<12} {:.6g}", name, entry["value"].get<double>());
    if (entry.contains("std")) text += fmt::format(" ± {:.2g}", entry["std"].get<double>());
    if (entry.contains("interval")) {
      const auto& range = entry["interval"];
      text += fmt::format("  [{:.6g}, {:.6g}] at {:.0f} %", range["low"].get<double>(),
                          range["high"].get<double>(), 100 * range["level"].get<double>());
    }
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
    expectation.name = name;
    result.push_back(expectation);
  }
  return result;
}

}  // namespace

nlohmann::ordered_json evaluate(const EvaluateOptions& options) {
  const Context context = make_context(options.common);
  const c10::NoGradGuard no_grad;
  nlohmann::ordered_json document = {{"metrics", nlohmann::ordered_json::object()}};
  for (const EvaluatedMetric& metric : evaluate_metrics(request_of(options, context.device))) {
    nlohmann::ordered_json entry = {{"value", metric.result.value}};
    if (metric.result.std) entry["std"] = *metric.result.std;
    if (const auto& range = metric.result.interval) {
      entry["interval"] = {{"method", range->method},
                           {"level", range->level},
                           {"low", range->low},
                           {"high", range->high}};
    }
    entry["protocol"] = metric.result.protocol;
    document["metrics"][metric.label] = entry;
  }
  return document;
}

int evaluate_command(const EvaluateOptions& options) {
  const std::vector<Expectation> expectations = expectations_of(options);
  const nlohmann::ordered_json document = evaluate(options);
  const std::string text = options.common.json ? pretty_json(document) : table_of(document);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  check_expectations(expectations, [&](const std::string& name) {
    // A value of --logits keeps its plain name.
    const auto& metrics = document["metrics"];
    const std::string label = metric_label(name, options.features);
    return metrics[metrics.contains(label) ? label : name]["value"].get<double>();
  });
  return 0;
}

}  // namespace cq
