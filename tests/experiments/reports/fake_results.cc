#include "tests/experiments/reports/fake_results.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <fstream>

#include <fmt/format.h>
#include <unistd.h>

namespace cq::testing {
namespace {

namespace fs = std::filesystem;

void append_u32(std::string& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

uint32_t crc32_of(const std::string& bytes) {
  uint32_t crc = ~0u;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int k = 0; k < 8; ++k) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0u);
  }
  return ~crc;
}

void append_chunk(std::string& png, const std::string& kind, const std::string& body) {
  append_u32(png, static_cast<uint32_t>(body.size()));
  png += kind + body;
  append_u32(png, crc32_of(kind + body));
}

/// A zlib stream of stored blocks.
std::string stored(const std::string& raw) {
  std::string out = "\x78\x01";
  uint32_t a = 1, b = 0;
  for (const char c : raw) {
    a = (a + static_cast<unsigned char>(c)) % 65521;
    b = (b + a) % 65521;
  }
  for (size_t at = 0; at < raw.size(); at += 65535) {
    const size_t n = std::min<size_t>(65535, raw.size() - at);
    out += at + n == raw.size() ? '\1' : '\0';
    for (const size_t word : {n, ~n}) {
      out += static_cast<char>(word);
      out += static_cast<char>(word >> 8);
    }
    out += raw.substr(at, n);
  }
  append_u32(out, b << 16 | a);
  return out;
}

/// 4 x 4 tiles of 24 x 24 pixels, each a soft blob; `noise` speckles it.
std::string grid_png(int seed, double noise) {
  constexpr int tiles = 4, size = 24, side = tiles * size;
  std::string raw;
  uint32_t state = static_cast<uint32_t>(seed) * 747796405u + 1;
  for (int y = 0; y < side; ++y) {
    raw += '\0';
    for (int x = 0; x < side; ++x)
      for (int channel = 0; channel < 3; ++channel) {
        const int tile = y / size * tiles + x / size;
        const double dx = x % size - size / 2.0, dy = y % size - size / 2.0;
        const double blob = std::exp(-(dx * dx + dy * dy) / 70);
        const double tint = 0.5 + 0.5 * std::sin(tile * 1.7 + channel * 2.1 + seed);
        state = state * 1664525u + 1013904223u;
        const double speckle = noise * ((state >> 8 & 255) / 255.0 - .5);
        raw += static_cast<char>(std::clamp(255 * (.15 + .8 * blob * tint + speckle), 0.0, 255.0));
      }
  }
  std::string png("\x89PNG\r\n\x1a\n"), header;
  append_u32(header, side);
  append_u32(header, side);
  header += std::string("\x08\x02\x00\x00\x00", 5);
  append_chunk(png, "IHDR", header);
  append_chunk(png, "IDAT", stored(raw));
  append_chunk(png, "IEND", "");
  return png;
}

/// Made-up but shaped like the paper's ablation: how far a cell is from full precision.
double damage(const FakeCell& cell) {
  double out = 0;
  const double n = cell.interval;
  if (cell.cache == "uniform") out += 0.14 * n;
  if (cell.cache == "dps") out += 0.09 * n;
  if (cell.quant != "none") out += cell.bits == 4 ? 2.4 : 0.5;
  if (cell.cache != "none" && cell.quant != "none") out *= 1.6;
  if (cell.correct == "direct") out *= 0.8;
  if (cell.correct == "dec") out *= 0.45;
  return out;
}

Json fake_metrics(const FakeCell& cell, double shift) {
  const double d = damage(cell), wobble = 0.05 * (cell.seed - 1);
  Json metrics;
  metrics["fd_cifar"] = fake_metric(11.2 + d + wobble + shift);
  metrics["is_cifar"] = fake_metric(8.1 - 0.2 * d + wobble, 0.11);
  metrics["precision"] = fake_metric(0.71 - 0.012 * d);
  metrics["recall"] = fake_metric(0.52 - 0.01 * d);
  metrics["accuracy"] = fake_metric(0.66 - 0.02 * d);
  if (cell.cache != "none" || cell.quant != "none") {
    metrics["psnr"] = fake_metric(34 - 6 * std::log1p(d), -1, "full precision, same seeds");
    metrics["ssim"] = fake_metric(0.99 - 0.06 * std::log1p(d), -1, "full precision, same seeds");
  }
  Json file{{"schema", 1}, {"metrics", metrics}};
  if (cell.cache == "none" && cell.quant == "none")
    file["noise_floor"] = {{"fd_cifar", {{"min", 11.1}, {"max", 11.4}, {"halves", 2}}},
                           {"is_cifar", {{"min", 8.02}, {"max", 8.17}, {"halves", 2}}}};
  if (cell.correct == "dec") {
    Json errors;
    for (int step = 0; step < 100; ++step) {
      const double reuse = step % cell.interval / static_cast<double>(cell.interval);
      errors["steps"].push_back(step);
      errors["cache"].push_back(0.20 * reuse * (1 + step / 100.0));
      errors["quantization"].push_back((cell.bits == 4 ? .09 : .03) + 0.02 * std::sin(step / 9.0));
      errors["cache_corrected"].push_back(0.07 * reuse * (1 + step / 100.0));
      errors["quantization_corrected"].push_back((cell.bits == 4 ? .04 : .012) +
                                                 0.006 * std::sin(step / 9.0));
    }
    file["error_per_step"] = errors;
  }
  return file;
}

Json fake_efficiency(const FakeCell& cell) {
  const double cached = 18e6, full = 85e6;
  const double average = cell.cache == "none" ? full : cached + (full - cached) / cell.interval;
  const double bits = cell.quant == "none" ? 32 * 32 : cell.bits * 8;
  const double estimate = full / average * (cell.quant == "none" ? 1 : 1.6);
  const double seconds = 0.042 / (0.85 * estimate) * (1 + 0.01 * cell.seed);
  const auto range = [](double x) {
    return Json{{"median", x}, {"min", .97 * x}, {"max", 1.04 * x}};
  };
  return {{"macs", {{"full", full}, {"cached", cached}, {"average", average}}},
          {"bops", average * bits},
          {"parameters", 9'900'000},
          {"model_bytes", 4 * 9.9e6},
          {"compression", cell.quant == "none" ? 1.0 : 32.0 / cell.bits},
          {"estimated_speedup", estimate},
          {"measured",
           {{"seconds_per_image", range(seconds)},
            {"speedup", range(0.042 / seconds)},
            {"peer", "float32, no cache, same run, interleaved"},
            {"threads", 2},
            {"device", "AVX512-VNNI, 2 cores"},
            {"runs", 5}}}};
}

Json fake_schedule(const FakeCell& cell) {
  Json groups = Json::array(), recompute = Json::array();
  for (int start = 0, k = 0; start < 100; ++k) {
    // DPS: short groups where features change fast, at both ends.
    int length = cell.interval;
    if (cell.cache == "dps") length = k % 4 == 0 ? cell.interval / 2 : cell.interval * 7 / 6;
    const int end = std::min(100, start + length);
    groups.push_back({start, end});
    recompute.push_back(start);
    start = end;
  }
  Json out{{"steps", 100}, {"recompute", recompute}, {"groups", groups}};
  if (cell.cache == "dps") out.update(Json{{"cost", 812.5}, {"uniform_cost", 1010.0}});
  return out;
}

void write_bytes(const fs::path& path, const std::string& bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

void write_ablation_cell(const fs::path& results, FakeCell cell, double shift) {
  cell.name = fmt::format("{}-{}-{}-n{}-b{}-s{}", cell.cache, cell.quant, cell.correct,
                          cell.interval, cell.bits, cell.seed);
  const fs::path folder = results / "cells" / cell.name;
  write_json_file(folder / "config.json", fake_config(cell));
  if (cell.correct == "dec" && cell.bits == 4 && cell.interval == 20) {
    if (cell.seed != 0)
      return write_json_file(folder / "error.json",
                             {{"stage", "correction"},
                              {"error", "[dec] NaN in unit up.1.block.2 at step 40, image 7"}});
  }
  write_json_file(folder / "metrics.json", fake_metrics(cell, shift));
  write_json_file(folder / "efficiency.json", fake_efficiency(cell));
  if (cell.cache != "none") write_json_file(folder / "schedule.json", fake_schedule(cell));
  write_bytes(folder / "grid.png", grid_png(cell.seed, 0.05 * damage(cell)));
}

}  // namespace

ScratchFolder::ScratchFolder() {
  std::string name = (fs::temp_directory_path() / "cq-reports-XXXXXX").string();
  if (!mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  fs::remove_all(path_);
}

Json fake_config(const FakeCell& cell) {
  Json config{{"name", "ablation"}, {"seed", cell.seed}, {"samples", 2048}};
  config["model"] = {{"name", "ldm-cifar10"}};
  config["sampler"] = {{"name", "ddim"}, {"steps", 100}, {"guidance", 2.0}, {"eta", 0.0}};
  config["cache"] = {{"name", cell.cache}, {"interval", cell.interval}};
  config["quant"] = {{"name", cell.quant},
                     {"weight_bits", cell.bits},
                     {"act_bits", 8},
                     {"execution", "simulated"}};
  config["correct"] = {{"name", cell.correct}};
  config["reconstruct"] = {{"name", cell.reconstruct}};
  return config;
}

Json fake_metric(double value, double spread, const std::string& reference) {
  Json metric{{"value", value}};
  if (spread >= 0) metric["std"] = spread;
  metric["protocol"] = {{"features", "cifar-resnet"}, {"samples", 2048}, {"reference", reference}};
  return metric;
}

void write_json_file(const fs::path& path, const Json& json) {
  write_bytes(path, json.dump(1));
}

void write_cell(const fs::path& results, const FakeCell& cell, const Json& metrics) {
  const fs::path folder = results / "cells" / cell.name;
  write_json_file(folder / "config.json", fake_config(cell));
  write_json_file(folder / "metrics.json", metrics);
}

void write_ablation(const fs::path& results, double shift) {
  struct Method {
    const char *cache, *quant, *correct;
  };
  static constexpr std::array<Method, 8> methods = {{{"none", "none", "none"},
                                                     {"uniform", "none", "none"},
                                                     {"none", "minmax", "none"},
                                                     {"uniform", "minmax", "none"},
                                                     {"uniform", "minmax", "direct"},
                                                     {"dps", "minmax", "none"},
                                                     {"dps", "minmax", "direct"},
                                                     {"dps", "minmax", "dec"}}};
  for (int seed = 0; seed < 3; ++seed)
    for (const int interval : {10, 20})
      for (const int bits : {8, 4})
        for (const Method& m : methods)
          write_ablation_cell(
              results, {"", m.cache, m.quant, m.correct, "none", interval, bits, seed}, shift);
  write_bytes(results / "config.yaml", "name: ablation\nmodel:\n  name: ldm-cifar10\n");
  write_json_file(results / "provenance.json",
                  {{"version", "0.1.0"}, {"dirty", false}, {"threads", 2}});
}

}  // namespace cq::testing
