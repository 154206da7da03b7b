// A table of events, many rows a customer, folded as it is read into what each row of the label's
// table may know: only what happened before that row's time. Memory grows with customers, not with
// events; of a table with `unique` by approximately 64 bytes for each
// event that a row sees.
#pragma once

#include <filesystem>

#include "client/data/table.h"

namespace veilsum::client {

// Row i of the result holds the features for row i of `labels` (which has times); it has no ids.
// Values as docs/features.md says. A broken event counts in `bad`, and its customer is in
// `skipped`. Errors of LoadTable; a table without a usable row is no error.
absl::StatusOr<EncodedTable> LoadEvents(const model::Plan& plan, const model::Table& table,
                                        const std::filesystem::path& folder,
                                        const EncodedTable& labels, BadRows& bad);

}  // namespace veilsum::client
