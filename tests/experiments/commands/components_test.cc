// Over every component of the program: what its declaration says is what a config is held to.
#include "cq/experiments/commands/components.h"

#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/config/yaml_reader.h"
#include "cq/core/quant/simulated.h"
#include "cq/experiments/pipeline/spec.h"
#include "cq/experiments/setup/load_model.h"
#include "cq/experiments/training/parameters.h"
#include "cq/methods/cache/schedules.h"
#include "cq/methods/register.h"
#include "cq/metrics/register.h"

namespace cq {
namespace {

using config::Node;
using config::ParamInfo;
using ::testing::HasSubstr;

/// A component, and how a mapping of its parameters is checked.
struct Checked {
  std::string name;
  std::vector<ParamInfo> params;
  std::function<void(const Node&)> check;
};

template <class Registry>
void add_all(std::vector<Checked>& all, const Registry& registry) {
  for (const auto& entry : registry.entries()) {
    all.push_back({entry.name, entry.params, [registry, name = entry.name](const Node& node) {
                     registry.check(name, node);
                   }});
  }
}

template <class P>
void add(std::vector<Checked>& all, const std::string& name, const config::Params<P>& params) {
  all.push_back({name, params.describe(), [&params](const Node& node) { params.parse(node); }});
}

std::vector<Checked> everything() {
  std::vector<Checked> all;
  add_all(all, network_registry());
  add_all(all, conditioning_registry());
  add_all(all, first_stage_registry());
  add_all(all, sampler_registry());
  add_all(all, cache_registry());
  add_all(all, corrector_registry());
  add_all(all, schedule_registry());
  add_all(all, metric_registry());
  add(all, "quant", quant_parameters());
  add(all, "run", run_parameters());
  add(all, "calibration", calibration_parameters());
  add(all, "record", record_parameters());
  add(all, "measure", measure_parameters());
  add(all, "data", reference_parameters());
  add(all, "training data", data_parameters());
  add(all, "training", training_parameters());
  add(all, "optimizer", optimizer_parameters());
  add(all, "denoiser", denoiser_task_parameters());
  add(all, "autoencoder", kl_task_parameters());
  add(all, "augment", classifier_task_parameters());
  return all;
}

/// The message for "key: value" in the third line of a file, below "part".
std::string refusal(const Checked& component, const std::string& key, const std::string& value) {
  const Node node =
      config::read_yaml("# a config\npart:\n  " + key + ": " + value + "\n", "c.yaml");
  const std::string about = component.name + ": " + key + ": " + value;
  try {
    component.check(node.with_paths().at("part"));
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("c.yaml:3:")) << about;
    EXPECT_THAT(error.what(), HasSubstr("part." + key)) << about;
    return error.what();
  }
  ADD_FAILURE() << about << " is taken";
  return {};
}

/// A value of `type` that is none of the allowed ones, or "" where all are allowed.
std::string out_of_bounds(const ParamInfo& param) {
  std::string value;
  if (!param.choices.empty()) value = "no_such_choice";
  // Numbers one and a half below or above are out as integers and as reals.
  const bool integers = param.type.find("int") != std::string::npos;
  if (std::isfinite(param.bounds.min)) {
    value = fmt::format("{}", integers ? std::floor(param.bounds.min) - 1 : param.bounds.min - 0.5);
  } else if (std::isfinite(param.bounds.max)) {
    value = fmt::format("{}", integers ? std::ceil(param.bounds.max) + 1 : param.bounds.max + 0.5);
  }
  if (value.empty()) return value;
  return param.type.starts_with("list") ? "[" + value + "]" : value;
}

TEST(Components, RefuseUnknownKeys) {
  for (const Checked& component : everything()) {
    refusal(component, "no_such_key_at_all", "1");
    for (const ParamInfo& param : component.params) {
      const std::string wrong = param.name + "x";
      EXPECT_THAT(refusal(component, wrong, "1"), HasSubstr("did you mean '")) << component.name;
    }
  }
}

TEST(Components, RefuseWrongTypes) {
  for (const Checked& component : everything()) {
    for (const ParamInfo& param : component.params) {
      refusal(component, param.name, "{a: 1}");
      EXPECT_THAT(refusal(component, param.name, param.type.starts_with("string") ? "12" : "word"),
                  HasSubstr("expected"))
          << component.name;
      refusal(component, param.name,
              "'??"
              "?'");
    }
  }
}

TEST(Components, RefuseValuesOutOfBounds) {
  int bounded = 0;
  for (const Checked& component : everything()) {
    for (const ParamInfo& param : component.params) {
      const std::string value = out_of_bounds(param);
      if (value.empty()) continue;
      ++bounded;
      refusal(component, param.name, value);
      if (param.type == "real") refusal(component, param.name, ".nan");
    }
  }
  EXPECT_GT(bounded, 50);
}

TEST(Components, TakeTheirOwnDefaults) {
  for (const Checked& component : everything()) {
    for (const ParamInfo& param : component.params) {
      // Strings without a default, such as a file's name, are empty.
      const std::string value = param.default_value.empty() ? "''" : param.default_value;
      if (param.default_value == "''" || param.default_value.empty()) continue;
      const Node node = config::read_yaml(param.name + ": " + value + "\n", "c.yaml");
      EXPECT_NO_THROW(component.check(node.with_paths())) << component.name << ": " << param.name;
    }
  }
}

TEST(Components, AreDeclaredOnce) {
  std::set<std::string> kinds;
  for (const ComponentKind& kind : component_kinds()) {
    EXPECT_TRUE(kinds.insert(kind.name).second) << kind.name;
    EXPECT_FALSE(kind.doc.empty()) << kind.name;
  }
  EXPECT_THROW(component_kind("sampler"), UsageError);
  EXPECT_FALSE(parameters_at("", "").empty());
  EXPECT_FALSE(parameters_at("sampler", "ddim").empty());
  EXPECT_TRUE(parameters_at("sampler", "none such").empty());
}

}  // namespace
}  // namespace cq
