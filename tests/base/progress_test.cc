#include "cq/base/progress.h"

#include <chrono>
#include <cstdio>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace cq {
namespace {

using ::testing::HasSubstr;

/// What is written to a Terminal.
class Recorder {
 public:
  std::FILE* file() { return file_; }
  std::string text() {
    std::fflush(file_);
    std::string content(static_cast<size_t>(std::ftell(file_)), '\0');
    std::rewind(file_);
    content.resize(std::fread(content.data(), 1, content.size(), file_));
    return content;
  }
  ~Recorder() { std::fclose(file_); }

 private:
  std::FILE* file_ = std::tmpfile();
};

TEST(Progress, DurationsReadAsPeopleWriteThem) {
  EXPECT_EQ(format_duration(3.44), "3.4 s");
  EXPECT_EQ(format_duration(63), "1:03");
  EXPECT_EQ(format_duration(3723), "1:02:03");
}

TEST(Progress, BarsShowShareRateAndTimeLeftWithinTheWidth) {
  const ProgressBar::State state{"sample", "images", 128, 512, 4, 32, 12};
  EXPECT_EQ(format_bar(state, 100),
            "sample [#####...............]  25%  128/512 images, 32/s  4.0 s, 0:12 left");
  EXPECT_LE(format_bar(state, 30).size(), 30u);
  EXPECT_THAT(format_bar({"scan", "", 0, 0, 4, 0, {}}, 80), HasSubstr("scan  4.0 s"));
}

TEST(Progress, WorkFromACheckpointIsNotCountedAsSpeed) {
  ProgressBar bar("train", 0, "");
  bar.expect(1000, "steps", 900);
  EXPECT_EQ(bar.state().done, 900);
  EXPECT_EQ(bar.state().rate, 0);
  bar.add(50);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_LE(bar.state().rate, 50 / 0.02);
}

TEST(Progress, JsonLinesTellStartAndEndOfEveryStage) {
  Recorder recorder;
  Terminal terminal(recorder.file(), false);
  {
    Progress progress(ProgressStyle::json, terminal);
    progress.set_whole({"all", 1, 3, "cells", 10.0});
    auto bar = progress.start("quantize", 10, "layers");
    bar->add(10);
  }
  std::istringstream lines(recorder.text());
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(nlohmann::json::parse(line).at("event"), "start");
  std::getline(lines, line);
  const auto end = nlohmann::json::parse(line);
  EXPECT_EQ(end.at("event"), "end");
  EXPECT_EQ(end.at("done"), 10);
  EXPECT_EQ(end.at("whole").at("total"), 3);
}

TEST(Progress, LogLinesScrollAboveLiveBars) {
  Recorder recorder;
  Terminal terminal(recorder.file(), true);
  terminal.show_live({"bar 1", "bar 2"});
  terminal.print("a line");
  terminal.show_live({});
  EXPECT_EQ(recorder.text(), "bar 1\nbar 2\n\x1b[2A\x1b[Ja line\nbar 1\nbar 2\n\x1b[2A\x1b[J");
}

TEST(Progress, TicksAreNearlyFree) {
  Recorder recorder;
  Terminal terminal(recorder.file(), true);
  Progress progress(ProgressStyle::bars, terminal);
  auto bar = progress.start("loop", 4'000'000);
  const auto start = std::chrono::steady_clock::now();
  std::thread other([&] {
    for (int i = 0; i < 2'000'000; ++i) bar->add();
  });
  for (int i = 0; i < 2'000'000; ++i) bar->add();
  other.join();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(bar->state().done, 4'000'000);
  EXPECT_LT(taken.count() / 4e6, 500e-9);
}

}  // namespace
}  // namespace cq
