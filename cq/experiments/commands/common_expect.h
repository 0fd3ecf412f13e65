#pragma once
// `--expect NAME>=X` of evaluate and bench: what must hold for exit code 0.
#include <functional>
#include <string>
#include <vector>

namespace cq {

struct Expectation {
  std::string text;  ///< as given
  std::string name;
  std::string relation;  ///< <=, <, >= or >
  double bound = 0;

  bool holds(double value) const;
};

/// Reads "fid<=12.5". Throws UsageError that shows `example`.
Expectation read_expectation(const std::string& text, const std::string& example);

/// Throws CheckError that lists every expectation that does not hold with the value that came.
void check_expectations(const std::vector<Expectation>& expectations,
                        const std::function<double(const std::string& name)>& value_of);

}  // namespace cq
