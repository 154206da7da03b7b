// A merchant's own tables as rows of a released model: joined and encoded by the functions that
// read training data, so that tables of events, queries and texts over several columns are what
// they were in training.
#pragma once

#include "client/serve/predictor.h"
#include "client/serve/row_source.h"

namespace veilsum::client {

enum class CustomersPart { kAll, kHoldout };

struct FolderRows {
  model::Examples examples;  // with labels; a customer's rows one after another
  // One for each row: the customer's id, the row's number from 1, and values in the order of the
  // plan's columns, as far as encoding has left them: numbers clipped to their bounds, of
  // categories the bucket.
  std::vector<FlatRow> rows;
  std::vector<std::vector<std::string>> more;  // rows x the columns asked for besides
};

// Whether `data` names a folder.
bool IsFolder(const std::string& data);
// `more` may name the label's column, and one other, "table.column" or a column of the label's
// table: its distinct texts, at most `most_values` of them. Errors of LoadDataset; InvalidArgument:
// a second other column, one that is not there, or more distinct texts.
absl::StatusOr<FolderRows> ReadFolder(const model::Plan& plan, const std::string& folder,
                                      CustomersPart part, const std::vector<WantedColumn>& more,
                                      std::size_t most_values);

}  // namespace veilsum::client
