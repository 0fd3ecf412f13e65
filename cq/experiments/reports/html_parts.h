#pragma once
// Parts of the page that have a file of their own.
#include <string>

#include "cq/experiments/reports/report_model.h"

namespace cq::reports {

/// The sample grids of a section, first seed, as pictures that open side by side.
void append_gallery(const Section& section, std::string& out);

/// config.yaml and provenance.json, folded.
void append_origin(const Experiment& experiment, std::string& out);

}  // namespace cq::reports
