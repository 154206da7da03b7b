// A merchant's files as encoded customers: read, joined by customer, encoded by the plan's public
// bounds and hashes, and split into training and hold-out. Nothing here is learned from the rows.
#pragma once

#include <filesystem>
#include <vector>

#include "model/examples.h"
#include "model/plan/plan.h"

namespace veilsum::client {

struct Dataset {
  model::Examples training;
  model::Examples holdout;
  std::uint64_t bad_rows = 0;  // skipped, at most plan.max_bad_rows
  std::uint64_t unlabelled =
      0;  // customers of other tables who have no row in the label's: left out
};

// Loads the folders of one seat; more than one is a pool (SE-15). A customer's rows are those of
// the label's table; each other table must have exactly one row for each customer, but for tables
// of events, of which a row of the label's table sees what is earlier than its own time. A row that
// cannot be used is an error, or, up to plan.max_bad_rows of them, leaves its customer out.
// With evaluation.groups a customer is in the group of the first of its rows that are kept.
// Customers keep the order of the files. InvalidArgument "region_3/browsing.csv:17: column
// ProductRelated: \"abc\" is not a number" and its like; NotFound for a missing file. Messages
// quote a value of the row: they are for the merchant's own eyes.
absl::StatusOr<Dataset> LoadDataset(const model::Plan& plan,
                                    const std::vector<std::filesystem::path>& folders);

// FailedPrecondition, with advice to pool, when there are fewer training customers than
// plan.minimum_customers. The message does not tell how many there are.
absl::Status CheckPopulation(const model::Plan& plan, const model::Examples& training,
                             std::string_view merchant);

}  // namespace veilsum::client
