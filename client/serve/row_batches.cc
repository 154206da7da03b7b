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

absl::StatusOr<RowBatches> RowBatches::Open(const Predictor& predictor, const std::string& data,
                                            CustomersPart part,
                                            const std::vector<WantedColumn>& more) {
  RowBatches out(data);
  if (IsFolder(data)) {
    VEILSUM_ASSIGN_OR_RETURN(out.folder_,
                             ReadFolder(predictor.plan(), data, part, more, kMostFolderValues));
    return out;
  }
  VEILSUM_ASSIGN_OR_RETURN(out.encoder_, predictor.encoder());
  std::vector<WantedColumn> wanted = out.encoder_->wanted();
  const std::size_t of_model = wanted.size();
  for (const WantedColumn& column : more) out.places_.push_back(PlaceIn(wanted, of_model, column));
  VEILSUM_ASSIGN_OR_RETURN(out.source_,
                           OpenRowSource(data, std::move(wanted), predictor.plan().unit.column));
  out.name_ = out.source_->name();
  return out;
}

bool RowBatches::NextOfFolder() {
  examples_ = {};
  rows_.clear();
  if (!folder_) return false;
  examples_ = std::move(folder_->examples);
  rows_ = std::move(folder_->rows);
  more_ = std::move(folder_->more);
  folder_.reset();
  return !rows_.empty();
}

absl::StatusOr<bool> RowBatches::Next() {
  if (source_ == nullptr) return NextOfFolder();
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
