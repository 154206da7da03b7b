// One CSV file of a merchant, encoded row by row as it is read: text never piles up in memory.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "client/data/feature_encoder.h"
#include "model/examples.h"

namespace veilsum::client {

// Rows that could not be used, over all files of a seat.
class BadRows {
 public:
  explicit BadRows(std::uint64_t allowed) : allowed_(allowed) {}
  // Counts a row; returns its error when it is one too many.
  absl::Status Add(const absl::Status& error);
  std::uint64_t count() const { return count_; }

 private:
  std::uint64_t allowed_;
  std::uint64_t count_ = 0;
};

// Row i belongs to customer ids[i]; each row has the features of its table only, in plan order.
struct EncodedTable {
  std::string name;  // "region_3/browsing.csv", for messages
  std::vector<std::string> ids;
  std::vector<std::size_t> lines;
  std::size_t numeric = 0, categorical = 0;  // features a row
  std::vector<std::size_t> numeric_places;   // of each: ordinal among the plan's numeric features
  std::vector<std::size_t> categorical_places;
  std::vector<std::size_t> list_places;
  std::vector<std::size_t> head_places;      // of each label of a side head that is in this table
  std::vector<float> numeric_values;         // rows x numeric
  std::vector<std::uint32_t> active_inputs;  // rows x categorical, as indices of the whole model
  std::vector<model::IdList> lists;          // text, of this table
  std::vector<float> more_labels;            // rows x head_places; NaN: missing
  std::vector<float> labels;                 // rows; the label's table only
  std::vector<float> rewards;                // rows; the label's table only, of q_learning
  std::vector<float> propensities;           // rows; the same, where the plan names their column
  std::vector<bool> held_out;  // rows; the label's table only, when the plan has a hold-out column
  std::vector<std::int64_t> times;  // rows; the label's table only, when the plan has a label time
  std::vector<std::uint32_t> groups;  // rows; the table of evaluation.group only
  std::set<std::string> skipped;      // customers of bad rows, as far as their id could be read
};

// Reads `folder`/`table.file`. InvalidArgument "region_3/browsing.csv:17: ..." for the first bad
// row beyond what `bad` allows, an empty file, a missing or repeated column; NotFound without the
// file.
absl::StatusOr<EncodedTable> LoadTable(const model::Plan& plan, const model::Table& table,
                                       const std::filesystem::path& folder, BadRows& bad);

}  // namespace veilsum::client
