// What the report's sections are put together from. Texts are escaped, `body` is markup.
#pragma once

#include <string>

#include "cli/demo/report/report.h"

namespace veilsum::cli {

extern const std::string_view kPageStyle;

std::string Tile(const std::string& value, std::string_view name);
std::string TableRow(std::string_view name, const std::string& value);
std::string Figure(std::string_view title, std::string_view detail, const std::string& body);
std::string Note(std::string_view text);

}  // namespace veilsum::cli
