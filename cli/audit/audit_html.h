// report.html of an audit: one file for people, without scripts or anything from elsewhere; prints
// well, and from there makes a PDF.
#pragma once

#include "cli/audit/audit.h"

namespace veilsum::cli {

// Well-formed as XML too. Every text of the evidence is escaped. The same audit gives the same
// bytes.
std::string AuditHtml(const Audit& audit);

}  // namespace veilsum::cli
