// Files that were made to hurt: each is refused within a second, with its place.
#include <ctime>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/config/merge.h"
#include "cq/config/resolve.h"
#include "cq/config/yaml_reader.h"

namespace cq::config {
namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr double kMostSeconds = 8;  // instrumented code takes several times as long
#else
constexpr double kMostSeconds = 1;
#endif

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

/// Processor time, which other programs on the machine do not change.
class Processor {
 public:
  double seconds() const { return static_cast<double>(std::clock() - start_) / CLOCKS_PER_SEC; }

 private:
  std::clock_t start_ = std::clock();
};

/// What `act` is refused with; a failure where it is not, or not soon enough.
template <class Act>
std::string refusal(Act act) {
  const Processor processor;
  std::string message;
  try {
    act();
    ADD_FAILURE() << "not refused";
  } catch (const UsageError& error) {
    message = error.what();
  }
  EXPECT_LT(processor.seconds(), kMostSeconds) << message;
  return message;
}

std::string refused(const std::string& text) {
  const std::string message = refusal([&] { read_yaml(text, "x.yaml"); });
  EXPECT_THAT(message, MatchesRegex("x\\.yaml:[0-9]+:[0-9]+: .*")) << text.substr(0, 200);
  return message;
}

std::string repeated(const std::string& part, std::size_t n) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) out += part;
  return out;
}

TEST(HostileYaml, AliasBombs) {
  std::string lists = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  std::string merges = "a0: &a0 {k: 1}\n";
  for (int i = 1; i < 12; ++i) {
    lists +=
        fmt::format("a{0}: &a{0} [{1}]\n", i, repeated(fmt::format("*a{}, ", i - 1), 10) + "x");
    merges += fmt::format("a{0}: &a{0} {{l: *a{1}, r: *a{1}, m: *a{1}, n: *a{1}}}\n", i, i - 1);
  }
  EXPECT_THAT(refused(lists), HasSubstr("once aliases are expanded"));
  EXPECT_THAT(refused(merges), HasSubstr("once aliases are expanded"));
  EXPECT_THAT(refused("a: &a [1, *a]\n"), HasSubstr("part of"));
  EXPECT_THAT(refused("a: &a\n  b: *a\n"), HasSubstr("part of"));
  refused("a: *nowhere\n");
}

TEST(HostileYaml, DeepNesting) {
  for (const std::size_t depth : {101u, 10'000u, 1'000'000u}) {
    refused("a: " + repeated("[", depth));
    refused("a: " + repeated("{a: ", depth));
    refused(repeated("- ", depth) + "x\n");
    refused(repeated("? ", depth) + "x\n");
  }
  std::string block;
  for (std::size_t i = 0; i < 1500; ++i) block += std::string(i, ' ') + "a:\n";
  EXPECT_THAT(refused(block), HasSubstr("nested deeper"));
}

TEST(HostileYaml, BinaryJunk) {
  std::string junk = "a: 1\n";
  unsigned state = 12345;
  for (int i = 0; i < 100'000; ++i) junk += static_cast<char>((state = state * 1664525u + 1) >> 24);
  refused(junk);
  refused(std::string("a: \0b\n", 6));
  refused("a: \xff\xfe\n");
  refused("\xff\xfe\x61\x00");
  refused("a: \xc0\x80\n");
  refused("a: \x1b[31m\n");
  refused("a: \xed\xa0\x80\n");
  refused("a:\t1\n\tb: 2\n");
}

TEST(HostileYaml, LargeScalars) {
  const std::string large(50u << 20, 'x');
  for (const char* start : {"a: ", "a: '", "a: \"", "a: |\n  ", "? "}) refused(start + large);
  // Below the limit of a file: long, but read in time.
  const Processor processor;
  const std::string fits(3u << 20, 'y');
  EXPECT_EQ(read_yaml("a: " + fits + "\n", "x.yaml").at("a").as_string(), fits);
  EXPECT_EQ(read_yaml("a: \"" + fits + "\"\n", "x.yaml").at("a").as_string(), fits);
  EXPECT_LT(processor.seconds(), 2.0);
  refused("a: \"" + fits);
  refused("a: ${" + fits + "\n");
}

TEST(HostileYaml, ManyValuesAndKeys) {
  refused("a: [" + repeated("1, ", 300'000) + "1]\n");
  refused("a: [" + repeated("[", 90) + repeated(",", 1000) + "\n");
  std::string keys;
  for (int i = 0; i < 250'000; ++i) keys += fmt::format("k{}: 1\n", i);
  refused(keys);
  EXPECT_THAT(refused("a: 1\nb: 2\na: 3\n"), HasSubstr("'a' is given twice"));
}

TEST(HostileYaml, WhatHydraRefuses) {
  for (const char* text :
       {"a: \"x\n", "a: 'x\n", "a: 1\nb\n", "a: [,]\n", "a: [1,,2]\n", "a: {,}\n", "a: <<\n",
        "a: [1\n", "a: [1]]\n", "a: !!python/object:os.system x\n", "a: !t x\n",
        "a: 1\n---\nb: 2\n", "a: b: c\n", "a: %x\n", "a: @x\n", "a: `x\n", "- a\n b: 1\n",
        "? [a]\n: 1\n"}) {
    refused(text);
  }
  EXPECT_TRUE(read_yaml("a: !\n", "x.yaml").at("a").is_null());
}

TEST(HostileYaml, CyclicInterpolations) {
  for (const char* text : {"a: ${a}\n", "a: ${b}\nb: ${c}\nc: ${a}\n", "a: {b: '${a}'}\n",
                           "a: x${b}\nb: y${a}\n", "a: ['${a}']\n", "a: ${oc.decode:${a}}\n"}) {
    const Node node = read_yaml(text, "x.yaml").with_paths();
    EXPECT_THAT(refusal([&] { resolve(node); }), HasSubstr("x.yaml:")) << text;
  }
  // Every level doubles the text.
  std::string bomb = "a0: xxxxxxxxxx\n";
  for (int i = 1; i < 60; ++i) bomb += fmt::format("a{0}: ${{a{1}}}${{a{1}}}\n", i, i - 1);
  const Node node = read_yaml(bomb, "x.yaml").with_paths();
  EXPECT_THAT(refusal([&] { resolve(node); }), HasSubstr("x.yaml:"));
  const std::string deep = "a: '" + repeated("${oc.decode:", 5000) + "1" + repeated("}", 5000);
  refused(deep + "'\n");
}

TEST(HostileYaml, KeysOfManySteps) {
  Node config = Node::dict({{Key("a"), Node(std::int64_t{1})}});
  const std::string key = repeated("a.", 50'000) + "b";
  const auto change = [&] { apply_override(config, parse_override("+" + key + "=1")); };
  EXPECT_THAT(refusal(change), HasSubstr("nested deeper than 100 levels"));
  EXPECT_THAT(refusal([&] { embed(config, key); }), HasSubstr("nested deeper than 100 levels"));
}

}  // namespace
}  // namespace cq::config
