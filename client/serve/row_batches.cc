#include "client/serve/row_batches.h"

#include <algorithm>

namespace veilsum::client {
namespace {

// Where a column of the model is called `column`; else it is wanted besides.
std::size_t PlaceIn(std::vector<WantedColumn>& wanted, std::size_t of_model,
                    const WantedColumn& column) {
  for (std::size_t i = 0; i < of_model && column.table.empty(); ++i)
    if (std::ranges::count(ColumnNames(wanted, i), column.column) > 0) return i;
  wanted.push_back(column);
  return wanted.size() - 1;
}

}  // namespace

absl::StatusOr<RowBatches> RowBatches::Open(const Predictor& predictor, const std::string& file,
                                            const std::vector<WantedColumn>& more) {
  VEILSUM_ASSIGN_OR_RETURN(const RowEncoder* encoder, predictor.encoder());
  std::vector<WantedColumn> wanted = encoder->wanted();
  const std::size_t of_model = wanted.size();
  std::vector<std::size_t> places;
  for (const WantedColumn& column : more) places.push_back(PlaceIn(wanted, of_model, column));
  VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<RowSource> source,
                           OpenRowSource(file, std::move(wanted), predictor.plan().unit.column));
  return RowBatches(*encoder, std::move(source), std::move(places));
}

absl::StatusOr<bool> RowBatches::Next() {
  examples_ = encoder_->Empty();
  rows_.clear();
  while (rows_.size() < kBatchRows) {
    FlatRow row;
    VEILSUM_ASSIGN_OR_RETURN(const bool any, source_->Next(row));
    if (!any) break;
    VEILSUM_RETURN_IF_ERROR(encoder_->Append(row, source_->name(), examples_));
    rows_.push_back(std::move(row));
  }
  return !rows_.empty();
}

}  // namespace veilsum::client
