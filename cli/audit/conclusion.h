// The ten steps of docs/audit.md, judged from what an audit found and what was missing, and the
// notes that tell a reader what the audit cannot say. Pure.
#pragma once

#include "cli/audit/audit.h"

namespace veilsum::cli {

// What the steps say beside findings.
struct Evidence {
  bool has_policy = false;              // a trust policy could be read
  bool complete = false;                // every entry was read
  std::uint64_t confirmed = 0;          // charges that a receipt confirms
  std::set<std::string> compared = {};  // tenants whose keys were compared with --seat
};

// Adds the steps and notes to `out`, and what is missing as a whole. Once, at the end.
void Conclude(const AuditOptions& options, const Evidence& evidence, Audit& out);

}  // namespace veilsum::cli
