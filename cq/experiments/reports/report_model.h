#pragma once
// All that the writers of the formats need.
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cq/experiments/reports/figures.h"
#include "cq/experiments/reports/table.h"

namespace cq::reports {

struct SectionReport {
  std::string title;
  Table table;
  std::vector<Figure> figures;
};

struct ExperimentReport {
  std::unique_ptr<const Experiment> experiment;  ///< owns what the rows point to
  std::vector<Section> sections;
  std::vector<SectionReport> reports;  ///< one a section
};

/// A table of plain text, for comparisons.
struct PlainTable {
  std::string title;
  std::vector<std::string> headers;
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> notes;
};

struct Report {
  std::string title;
  std::filesystem::path out;  ///< folder that the files go to; links are relative to it
  std::vector<ExperimentReport> experiments;
  std::vector<PlainTable> comparisons;
};

}  // namespace cq::reports
