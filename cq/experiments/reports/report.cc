#include "cq/experiments/reports/report.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "cq/experiments/reports/compare.h"
#include "cq/experiments/reports/gnuplot.h"
#include "cq/experiments/reports/published.h"
#include "cq/experiments/reports/report_model.h"
#include "cq/experiments/reports/writers.h"

namespace cq {
namespace {

using namespace reports;
namespace fs = std::filesystem;

const std::vector<std::string> known_formats = {"md", "html", "tex", "csv"};

std::set<std::string> checked_formats(const std::vector<std::string>& formats) {
  for (const std::string& format : formats)
    if (std::find(known_formats.begin(), known_formats.end(), format) == known_formats.end())
      throw UsageError("[report] --format {}: no such format; known are {}", format,
                       fmt::join(known_formats, ", "));
  const auto& chosen = formats.empty() ? known_formats : formats;
  return {chosen.begin(), chosen.end()};
}

/// `prefix` keeps the names of figures apart where several experiments share a folder.
ExperimentReport build_experiment(const fs::path& folder, const std::string& prefix) {
  ExperimentReport out;
  out.experiment = std::make_unique<const Experiment>(load_experiment(folder));
  out.sections = build_sections(*out.experiment);
  for (size_t i = 0; i < out.sections.size(); ++i) {
    const Section& section = out.sections[i];
    const std::string stem =
        prefix + (out.sections.size() > 1 ? fmt::format("section{}-", i + 1) : "");
    SectionReport report{section.title, build_table(section), {}};
    for (const auto make : {quality_figures, schedule_figures, error_figures})
      for (Figure& figure : make(section, stem)) report.figures.push_back(std::move(figure));
    out.reports.push_back(std::move(report));
  }
  return out;
}

/// Figure files that no longer belong to the report would be taken for its own.
void drop_old_figures(const fs::path& folder, const std::set<fs::path>& current) {
  if (!fs::is_directory(folder)) return;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto kind = entry.path().extension();
    if ((kind == ".svg" || kind == ".pdf") && !current.contains(entry.path()))
      fs::remove(entry.path());
  }
}

void write_figures(const Report& report, const std::set<std::string>& formats,
                   std::vector<fs::path>& written) {
  const fs::path folder = report.out / "figures";
  std::set<fs::path> current;
  const auto write = [&](const fs::path& path, const std::string& content) {
    write_if_changed(path, content);
    current.insert(path);
    written.push_back(path);
  };
  for (const ExperimentReport& one : report.experiments)
    for (const SectionReport& section : one.reports)
      for (const Figure& figure : section.figures) {
        if (formats.contains("md")) write(folder / (figure.file + ".svg"), render_svg(figure));
        if (formats.contains("tex")) write(folder / (figure.file + ".pdf"), render_pdf(figure));
      }
  if (formats.contains("md") && formats.contains("tex")) drop_old_figures(folder, current);
}

void write_all(const Report& report, const std::set<std::string>& formats,
               std::vector<fs::path>& written) {
  const auto write = [&](const char* format, std::string (*make)(const Report&)) {
    if (!formats.contains(format)) return;
    const fs::path path = report.out / (std::string("report.") + format);
    write_if_changed(path, make(report));
    written.push_back(path);
  };
  // What links to pictures is written after them.
  if (formats.contains("md") || formats.contains("tex")) write_figures(report, formats, written);
  write("md", markdown_report);
  write("html", html_report);
  write("tex", latex_report);
  write("csv", csv_report);
}

Report build_comparison(const ReportOptions& options) {
  if (options.results.size() < 2)
    throw UsageError("[report] --compare: expected at least two result folders, got {}",
                     options.results.size());
  Report report;
  std::string names;
  for (size_t i = 0; i < options.results.size(); ++i) {
    report.experiments.push_back(
        build_experiment(options.results[i], fmt::format("experiment{}-", i + 1)));
    names += (i ? "-" : "") + report.experiments.back().experiment->name;
  }
  report.comparisons = compare_experiments(report.experiments);
  report.title = "Comparison " + names;
  report.out = options.out.empty() ? fs::weakly_canonical(options.results.front()).parent_path() /
                                         ("compare-" + names)
                                   : options.out;
  return report;
}

}  // namespace

std::vector<fs::path> write_report(const ReportOptions& options) {
  const std::set<std::string> formats = checked_formats(options.formats);
  if (options.results.empty())
    throw UsageError("[report] expected a result folder, results/<name>, got none");
  std::vector<fs::path> written;
  if (options.compare) {
    write_all(build_comparison(options), formats, written);
    return written;
  }
  if (options.results.size() > 1 && !options.out.empty())
    throw UsageError(
        "[report] --out: several experiments without --compare would overwrite each "
        "other there; give one, or --compare");
  for (const fs::path& folder : options.results) {
    Report report;
    report.experiments.push_back(build_experiment(folder, ""));
    report.comparisons = published_tables(report.experiments.front());
    report.title = report.experiments.front().experiment->name;
    report.out = options.out.empty() ? folder : options.out;
    write_all(report, formats, written);
  }
  return written;
}

std::string terminal_table(const std::vector<fs::path>& results, size_t width) {
  std::string out;
  for (const fs::path& folder : results) {
    const Experiment experiment = load_experiment(folder);
    for (const Section& section : build_sections(experiment)) {
      const SectionReport report{section.title, build_table(section), {}};
      out += fmt::format("{}{}", out.empty() ? "" : "\n",
                         terminal_section(report, std::max<size_t>(width, 60)));
    }
    for (const std::string& name : experiment.not_started)
      out += fmt::format("Cell {} has not been started.\n", name);
  }
  return out;
}

}  // namespace cq
