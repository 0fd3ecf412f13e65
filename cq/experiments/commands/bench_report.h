#pragma once
// What `cq-exp bench model` measured, as a document and for people.
#include <map>
#include <string>
#include <vector>

#include "cq/base/json.h"
#include "cq/experiments/commands/bench_timing.h"

namespace cq {

struct BenchCell {
  std::string execution, step;
  double operations = 0;  ///< of one call
  Timing timing = {};
  double gops() const { return operations / timing.median / 1e9; }
};

struct SamplerRow {
  std::string execution, cache;
  int64_t interval = 1, steps = 0;
  double seconds = 0, speedup = 1;
};

struct BenchReport {
  std::string model;
  int64_t batch = 1, threads = 1;
  std::string device;  ///< name of the GPU; empty: the CPU
  std::vector<BenchCell> cells = {};
  /// By execution; `integer_product`: that of the library's product.
  std::map<std::string, double> peak_gops = {};
  std::vector<SamplerRow> sampler = {};

  double fraction(const BenchCell& cell) const {
    return cell.gops() / peak_gops.at(cell.execution);
  }
  /// The machine: instruction set and threads, or the GPU.
  std::string machine() const;
};

nlohmann::ordered_json document_of(const BenchReport& r);
std::string table_of(const BenchReport& r);

}  // namespace cq
