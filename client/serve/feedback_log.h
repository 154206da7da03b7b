// What came of predictions, recorded for the next run: rows with their label, in a folder that
// LoadDataset reads beside the merchant's own (a second folder of client.toml's [data]). Nothing
// leaves the machine but as every other customer's row does: in a run's noisy sums.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "client/serve/row_source.h"
#include "model/plan/plan.h"

namespace veilsum::client {

// Any thread. One process a folder.
class FeedbackLog {
 public:
  // Makes the plan's tables in `folder`, or goes on with those that are there; half a row at the
  // end of one, of a crash, is cut off. `known`: the merchant's own data folders; their customers
  // are in training already. FailedPrecondition: the plan's features are not of flat CSV rows, or
  // the tables there are another plan's.
  static absl::StatusOr<std::unique_ptr<FeedbackLog>> Open(
      const model::Plan& plan, std::filesystem::path folder,
      const std::vector<std::filesystem::path>& known = {});

  const model::Plan& plan() const { return plan_; }
  // The columns of a row: features, the label, what the hold-out goes by.
  const std::vector<WantedColumn>& wanted() const { return wanted_; }
  std::uint64_t rows() const;

  // All of them or none, durable on return. InvalidArgument: a row without a customer, a value that
  // the plan cannot encode. AlreadyExists: a customer is known, or has unit.max_rows rows already.
  absl::Status Add(const std::vector<FlatRow>& rows);

 private:
  struct TableFile {
    std::filesystem::path path;
    std::vector<std::size_t> values;  // of wanted_, in the file's order after the customer
    std::vector<std::string> header;
    bool labels = false;
  };
  FeedbackLog(model::Plan plan, std::filesystem::path folder)
      : plan_(std::move(plan)), folder_(std::move(folder)) {}
  absl::Status PlanTables();
  absl::Status OpenTable(const TableFile& table);
  absl::Status AddKnown(const std::filesystem::path& file, const std::string& column, bool own);
  absl::Status Check(const std::vector<FlatRow>& rows) const;

  const model::Plan plan_;
  const std::filesystem::path folder_;
  std::vector<WantedColumn> wanted_;
  std::size_t label_ = 0;          // among wanted_
  std::vector<TableFile> tables_;  // the label's table last: without it a customer does not count
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::uint64_t> rows_of_;  // customer -> rows; known ones: all
  std::uint64_t rows_ = 0;
};

}  // namespace veilsum::client
