#pragma once
// The lines under the table: why something is missing, how it was taken, what the marks mean.
#include <string>
#include <vector>

#include "cq/experiments/reports/table.h"

namespace cq::reports {

/// Why an entry is a dash or stands on fewer seeds than planned; empty when all is there.
std::string missing_reason(const Row& row, const Column& column, const Entry& entry);

/// One line, or one for each of several protocols with a warning that they do not compare.
void add_protocol_lines(const std::string& title,
                        const std::vector<std::vector<std::string>>& protocols,
                        std::vector<std::string>& lines);

std::vector<std::string> table_notes(const Section& section, const Table& table);

}  // namespace cq::reports
