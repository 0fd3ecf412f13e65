// What goes beyond Hydra: sweep blocks, zip and where, and where their errors point to.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "cq/config/compose.h"
#include "cq/config/resolve.h"

namespace cq::config {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Sweep : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / fmt::format("cq_sweep_{}", ::getpid());
    fs::create_directories(folder_ / "db");
    std::ofstream(folder_ / "db/x.yaml") << "port: 1\n";
    std::ofstream(folder_ / "db/y.yaml") << "port: 2\n";
  }
  void TearDown() override { fs::remove_all(folder_); }

  Composition compose_text(const std::string& block, std::vector<std::string> overrides = {},
                           bool multirun = false) {
    std::ofstream(folder_ / "c.yaml") << "defaults:\n  - db: x\n  - _self_\na: 1\nb: 1\nc: {d: 1}\n"
                                      << block;
    ComposeRequest request;
    request.primary = folder_ / "c.yaml";
    request.overrides = std::move(overrides);
    request.multirun = multirun;
    return compose(request);
  }

  /// "a b db.port" of every job.
  std::vector<std::string> cells(const Composition& composition) {
    std::vector<std::string> out;
    for (const ComposedJob& job : composition.jobs) {
      out.push_back(fmt::format("{} {} {}", job.config.at("a").as_int(),
                                job.config.at("b").as_int(), job.config.find("db.port")->as_int()));
    }
    return out;
  }

  std::string refusal(const std::string& block, std::vector<std::string> overrides = {},
                      bool multirun = false) {
    try {
      compose_text(block, std::move(overrides), multirun);
    } catch (const UsageError& error) {
      return error.what();
    }
    ADD_FAILURE() << block << " is taken";
    return {};
  }

  /// With `defaults` as the primary's list, and a root that is searched last.
  Composition with_fallback(const std::string& defaults, const std::string& override_text) {
    std::ofstream(folder_ / "c.yaml") << "defaults: [" << defaults << "]\n";
    for (const char* name : {"last/db/z.yaml", "last/other/p.yaml", "last/base.yaml"}) {
      fs::create_directories((folder_ / name).parent_path());
      std::ofstream(folder_ / name) << "port: 3\n";
    }
    ComposeRequest request;
    request.primary = folder_ / "c.yaml";
    request.fallback_dir = folder_ / "last";
    request.overrides = {override_text};
    request.multirun = true;
    return compose(request);
  }

  fs::path folder_;
};

// As Hydra, which knows of no further root.
TEST_F(Sweep, ACompleteTreeIsComposedWithoutTheFallback) {
  EXPECT_EQ(with_fallback("db: x", "db=glob(*)").jobs.size(), 2U);
  EXPECT_THROW(with_fallback("db: x", "db=z"), UsageError);
  const auto text = with_fallback("db: x", "+other=p").jobs[0].config.at("other");
  EXPECT_EQ(text.as_string(), "p");
}

TEST_F(Sweep, AnIncompleteTreeFindsTheRestInTheFallback) {
  const auto jobs = with_fallback("base, db: x", "db=z").jobs;
  EXPECT_EQ(jobs[0].config.at("port").as_int(), 3);
  EXPECT_EQ(jobs[0].config.find("db.port")->as_int(), 3);
}

TEST_F(Sweep, BlockInItsOrderLastFastest) {
  const auto composition = compose_text("sweep:\n  a: [1, 2]\n  db: [x, y]\n");
  EXPECT_TRUE(composition.sweep);
  EXPECT_THAT(cells(composition), ElementsAre("1 1 1", "1 1 2", "2 1 1", "2 1 2"));
  EXPECT_THAT(cells(compose_text("sweep: {a: 'range(1,4)'}\n")),
              ElementsAre("1 1 1", "2 1 1", "3 1 1"));
  EXPECT_THAT(cells(compose_text("sweep: {db: glob(*)}\n")), ElementsAre("1 1 1", "1 1 2"));
  // The command line replaces an axis in its place.
  EXPECT_THAT(cells(compose_text("sweep: {a: [1, 2], b: [3, 4]}\n", {"a=5"})),
              ElementsAre("5 3 1", "5 4 1"));
}

// As configs/ablation_full.yaml takes in configs/ablation.yaml.
TEST_F(Sweep, BlockOfAConfigThatIsTakenIn) {
  compose_text("sweep: {a: [1, 2], b: [3, 4]}\n");
  const auto composed = [&](const std::string& own) {
    std::ofstream(folder_ / "d.yaml") << "defaults:\n  - c\n  - _self_\n" << own;
    ComposeRequest request;
    request.primary = folder_ / "d.yaml";
    return compose(request);
  };
  EXPECT_THAT(cells(composed("")), ElementsAre("1 3 1", "1 4 1", "2 3 1", "2 4 1"));
  const auto other = composed("sweep: {b: [7], db: [y]}\n");
  EXPECT_THAT(cells(other), ElementsAre("1 7 2", "2 7 2"));
  EXPECT_EQ(other.jobs[0].config.find("sweep"), nullptr);
}

TEST_F(Sweep, ZipStepsTogether) {
  EXPECT_THAT(cells(compose_text("sweep:\n  zip: {a: [1, 2, 3], b: [4, 5, 6]}\n  db: [x, y]\n")),
              ElementsAre("1 4 1", "1 4 2", "2 5 1", "2 5 2", "3 6 1", "3 6 2"));
  EXPECT_THAT(cells(compose_text("", {"zip(a=1,2, b=[3,4])"}, true)),
              ElementsAre("1 3 1", "2 4 1"));
  EXPECT_THAT(cells(compose_text("", {"zip(db=x,y, a=range(2))", "b=7,8"}, true)),
              ElementsAre("0 7 1", "1 7 2", "0 8 1", "1 8 2"));
  EXPECT_THAT(
      cells(compose_text("sweep:\n  zip:\n    - {a: [1, 2], b: [3, 4]}\n    - {db: [x, y]}\n")),
      ElementsAre("1 3 1", "1 3 2", "2 4 1", "2 4 2"));
}

TEST_F(Sweep, ZipRefusesWithItsPlace) {
  EXPECT_THAT(refusal("sweep:\n  zip: {a: [1, 2], b: [3]}\n"),
              AllOf(HasSubstr("c.yaml:8:"), HasSubstr("'a' has 2 values and 'b' has 1")));
  EXPECT_THAT(refusal("sweep:\n  a: [1, 2]\n  zip: {a: [1, 2], b: [3, 4]}\n"), HasSubstr("'a'"));
  EXPECT_THAT(refusal("sweep:\n  zip: 5\n"), HasSubstr("c.yaml:8:8"));
  EXPECT_THAT(refusal("sweep:\n  zip: {}\n"), HasSubstr("nothing to step together"));
  EXPECT_THAT(refusal("", {"zip(a=1,2, b=3)"}, true), HasSubstr("step together"));
  EXPECT_THAT(refusal("", {"zip(a=1,2, a=3,4)"}, true), HasSubstr("given twice"));
  EXPECT_THAT(refusal("", {"zip(a=1,2"}, true), HasSubstr("expected zip("));
  EXPECT_THAT(refusal("", {"zip(a=1,2, b=(,3)"}, true), HasSubstr("zip"));
  EXPECT_THAT(refusal("", {"zip(a=1,2)"}, false), HasSubstr("-m"));
}

TEST_F(Sweep, WhereDropsAndCounts) {
  const std::string block = "sweep:\n  a: [1, 2, 3]\n  db: [x, y]\n  where: ";
  auto composition = compose_text(block + "a > 1 and db == 'y' or a == 1\n");
  EXPECT_THAT(cells(composition), ElementsAre("1 1 1", "1 1 2", "2 1 2", "3 1 2"));
  EXPECT_EQ(composition.dropped, 2);
  composition = compose_text(block + "not (a in [1, 2]) and db.port <= 1\n");
  EXPECT_THAT(cells(composition), ElementsAre("3 1 1"));
  EXPECT_EQ(composition.dropped, 5);
  EXPECT_EQ(compose_text(block + "'false'\n").dropped, 6);
  EXPECT_TRUE(compose_text(block + "'a not in [1, 2, 3]'\n").jobs.empty());
}

TEST_F(Sweep, WhereRefusesWithItsPlace) {
  const std::string block = "sweep:\n  a: [1, 2]\n  where: ";
  EXPECT_THAT(refusal(block + "a >\n"), AllOf(HasSubstr("c.yaml:9:10"), HasSubstr("column 4")));
  EXPECT_THAT(refusal(block + "(a == 1\n"), HasSubstr("expected ')'"));
  EXPECT_THAT(refusal(block + "a == 1 b\n"), HasSubstr("column 8"));
  EXPECT_THAT(refusal(block + "aa == 1\n"),
              AllOf(HasSubstr("c.yaml:9:10"), HasSubstr("did you mean 'a'")));
  EXPECT_THAT(refusal(block + "a < 'x'\n"), HasSubstr("have an order"));
  EXPECT_THAT(refusal(block + "a\n"), HasSubstr("neither true nor false"));
  EXPECT_THAT(refusal(block + "a in 1\n"), HasSubstr("needs a list"));
  EXPECT_THAT(refusal(block + "\"a == 'x\"\n"), HasSubstr("closing quote"));
  EXPECT_THAT(refusal(block + "5\n"), HasSubstr("c.yaml:9:10"));
  std::string deep(500, '(');
  refusal(block + "'" + deep + "'\n");
}

TEST_F(Sweep, KeysOfABlockAreNamedWithTheirLine) {
  EXPECT_THAT(refusal("sweep:\n  a: [1, 2]\n  bb: [1, 2]\n"),
              AllOf(HasSubstr("c.yaml:9:8"), HasSubstr("did you mean '")));
  EXPECT_THAT(refusal("sweep: {db: [x, z]}\n"), HasSubstr("db/z"));
  EXPECT_THAT(refusal("sweep: 5\n"), HasSubstr("c.yaml:7:8"));
  EXPECT_THAT(refusal("sweep: {a: 'range(1,'}\n"), HasSubstr("c.yaml:7:12"));
  EXPECT_THAT(refusal("sweep: {a: range(2000000)}\n"), HasSubstr("more than"));
}

TEST_F(Sweep, ValuesOfABlockAreNamedWithTheirLine) {
  const auto job = compose_text("sweep:\n  a: [1,\n    two]\n").jobs.at(1).config;
  EXPECT_THAT(job.at("a").where(), HasSubstr("c.yaml:9:5"));
  // What the command line gives in its place is its own.
  const auto given = compose_text("sweep: {a: [1, two]}\n", {"a=two"}).jobs.at(0).config;
  EXPECT_THAT(given.at("a").where(), HasSubstr("override 'a=two'"));
}

TEST_F(Sweep, AnAxisWithoutValues) {
  EXPECT_THAT(refusal("sweep: {a: []}\n"),
              AllOf(HasSubstr("c.yaml:7:12: sweep.a: "), HasSubstr("one value or more")));
  EXPECT_THAT(refusal("sweep:\n  zip: {a: [], b: []}\n"), HasSubstr("c.yaml:8:12"));
  EXPECT_THAT(refusal("sweep: {db: glob(q*)}\n"),
              AllOf(HasSubstr("c.yaml:7:13"), HasSubstr("no option matches 'glob(q*)'")));
}

TEST_F(Sweep, AnAxisGivenTwice) {
  const std::string twice = "is part of zip(a, b) and given alone as well";
  EXPECT_THAT(refusal("sweep:\n  a: [1, 2]\n  zip: {a: [1, 2], b: [3, 4]}\n"),
              AllOf(HasSubstr("c.yaml:9:8: sweep.zip: 'a'"), HasSubstr(twice)));
  EXPECT_THAT(refusal("sweep:\n  zip: {a: [1, 2], b: [3, 4]}\n", {"a=5"}),
              AllOf(HasSubstr("override 'a=5': 'a'"), HasSubstr(twice)));
  EXPECT_THAT(refusal("", {"zip(a=1,2, b=3,4)", "a=5,6"}, true), HasSubstr("override 'zip("));
}

TEST_F(Sweep, WhereKnowsTheOptionsOfAGroup) {
  const std::string block = "sweep:\n  db: [x, y]\n  where: ";
  EXPECT_THAT(refusal(block + "db == 'yy'\n"),
              AllOf(HasSubstr("c.yaml:9:10: where: "), HasSubstr("did you mean 'y'"),
                    HasSubstr("(known: x, y)")));
  // Also where no cell comes so far, and on either side.
  EXPECT_THAT(refusal(block + "a == 7 and db not in ['x', 'why']\n"), HasSubstr("'why'"));
  EXPECT_THAT(refusal(block + "\"'why' != db\"\n"), HasSubstr("'why'"));
  EXPECT_EQ(compose_text(block + "db == 'y' and c.d != 'why'\n").jobs.size(), 1U);
}

TEST_F(Sweep, WhereWithoutAnAxis) {
  const auto kept = compose_text("sweep: {where: a == 1}\n");
  EXPECT_TRUE(kept.sweep);
  EXPECT_THAT(cells(kept), ElementsAre("1 1 1"));
  EXPECT_EQ(compose_text("sweep: {where: a == 1}\n", {"a=2"}).dropped, 1);
  EXPECT_THAT(refusal("sweep: {where: aa == 1}\n"), HasSubstr("did you mean 'a'"));
  EXPECT_THAT(refusal("sweep: {where: ''}\n"), HasSubstr("c.yaml:7:16"));
}

TEST_F(Sweep, AMisspelledWhere) {
  for (const char* value : {"a == 1", "a==1", "[a]"}) {
    EXPECT_THAT(refusal(fmt::format("sweep:\n  a: [1, 2]\n  wher: {}\n", value)),
                AllOf(HasSubstr("c.yaml:9:"), HasSubstr("did you mean 'where'")));
  }
}

// Hydra 1.3.2: AssertionError and AttributeError, since a null takes no keys.
TEST_F(Sweep, SweeperParamsOnTheCommandLineNeedSomeInTheConfig) {
  for (const char* text : {"+hydra.sweeper.params.a='1,2'", "++hydra.sweeper.params.a='1,2'",
                           "hydra.sweeper.params={a: '1,2'}"}) {
    EXPECT_THAT(refusal("", {text}, true), HasSubstr("is null"));
  }
  EXPECT_EQ(compose_text("", {"hydra.sweeper.params={}"}, true).jobs.size(), 1U);
  const std::string own = "hydra: {sweeper: {params: {a: '1,2'}}}\n";
  EXPECT_THAT(cells(compose_text(own, {"+hydra.sweeper.params.b='3,4'"}, true)),
              ElementsAre("1 3 1", "1 4 1", "2 3 1", "2 4 1"));
}

// OmegaConf 2.3: "node `v` is not a container and thus cannot contain `q`".
TEST_F(Sweep, NoKeyReachesIntoWhatOcDecodeGives) {
  const auto resolved = [&](const std::string& text) {
    return resolve(compose_text(text).jobs.at(0).config);
  };
  const std::string decoded = "t: '{q: 3}'\nv: '${oc.decode:${t}}'\n";
  EXPECT_THROW(resolved(decoded + "w: ${v.q}\n"), UsageError);
  EXPECT_THROW(resolved(decoded + "u: ${v}\nw: ${u.q}\n"), UsageError);
  EXPECT_THROW(resolved(decoded + "w: '${oc.dict.keys:v}'\n"), UsageError);
  EXPECT_THROW(resolved("v: '${oc.select:nope,[7]}'\nw: ${v.0}\n"), UsageError);
  EXPECT_EQ(resolved(decoded + "w: '${oc.select:v.q,9}'\n").at("w").as_int(), 9);
  EXPECT_EQ(resolved(decoded + "w: ${v}\n").find("w.q")->as_int(), 3);
  EXPECT_EQ(resolved("v: '${oc.create:{q: 3}}'\nw: ${v.q}\n").at("w").as_int(), 3);
}

}  // namespace
}  // namespace cq::config
