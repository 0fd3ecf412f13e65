#include "cq/experiments/harness/graph.h"

#include <cmath>
#include <set>
#include <stdexcept>

#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/base/hash.h"

namespace cq {
namespace {

Stage stage(const std::string& kind, nlohmann::ordered_json params = {{"a", 1}}) {
  return {kind, 1, std::move(params), {}, [](StageFolder&) {}, {}};
}

TEST(Graph, KeyIsTheHashOfTheCanonicalDescription) {
  Graph graph;
  const StageId first = graph.add(stage("base", {{"b", 0.5}, {"a", 1}}));
  EXPECT_EQ(graph.at(first).name.key,
            sha256(R"({"inputs":{},"kind":"base","params":{"a":1,"b":0.5},"version":1})"));
  Stage next = stage("next");
  next.inputs = {{"x", first}};
  const StageId second = graph.add(next);
  EXPECT_EQ(graph.at(second).name.key, sha256(R"({"inputs":{"x":")" + graph.at(first).name.key +
                                              R"("},"kind":"next","params":{"a":1},"version":1})"));
}

TEST(Graph, EqualStagesAreOne) {
  Graph graph;
  EXPECT_EQ(graph.add(stage("k", {{"a", 1}, {"b", 2}})),
            graph.add(stage("k", {{"b", 2}, {"a", 1}})));
  EXPECT_EQ(graph.size(), 1u);
}

TEST(Graph, WhateverDeterminesAStageChangesItsKey) {
  Graph graph;
  const StageId a = graph.add(stage("input", {{"a", 1}}));
  const StageId b = graph.add(stage("input", {{"a", 2}}));
  Stage base = stage("k");
  base.inputs = {{"x", a}};
  std::vector<Stage> variants(6, base);
  variants[1].kind = "l";
  variants[2].version = 2;
  variants[3].params["a"] = 1.5;
  variants[4].inputs = {{"x", b}};
  variants[5].inputs = {{"y", a}};
  std::set<std::string> keys;
  for (const auto& variant : variants) keys.insert(graph.at(graph.add(variant)).name.key);
  EXPECT_EQ(keys.size(), variants.size());
  Stage dearer = base;
  dearer.cost.weight = 100;
  EXPECT_TRUE(keys.contains(graph.at(graph.add(dearer)).name.key)) << "cost determines nothing";
}

TEST(Graph, RefusesWhatCannotBeStored) {
  Graph graph;
  EXPECT_THROW(graph.add(stage("../up")), UsageError);
  EXPECT_THROW(graph.add(stage("")), UsageError);
  Stage dangling = stage("k");
  dangling.inputs = {{"x", 7}};
  EXPECT_THROW(graph.add(dangling), std::logic_error);
  EXPECT_THROW(graph.add(stage("k", {{"a", std::nan("")}})), RunError);
}

}  // namespace
}  // namespace cq
