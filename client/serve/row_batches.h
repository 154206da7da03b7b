// Flat rows as a released model reads them, a bounded number at a time, with columns beside those
// of the model.
#pragma once

#include "client/serve/predictor.h"
#include "client/serve/row_source.h"

namespace veilsum::client {

inline constexpr std::size_t kBatchRows = 1024;

class RowBatches {
 public:
  // `more` may name a column of the model as well, as "table.column" or "column"; without a table
  // it is a column of that name. The predictor outlives this. Errors of Predictor::encoder and
  // OpenRowSource.
  static absl::StatusOr<RowBatches> Open(const Predictor& predictor, const std::string& file,
                                         const std::vector<WantedColumn>& more = {});

  // Reads the next rows, 1 to kBatchRows; false at the end. InvalidArgument "rows.csv:3: ...".
  absl::StatusOr<bool> Next();

  const model::Examples& examples() const { return examples_; }
  const std::vector<FlatRow>& rows() const { return rows_; }
  const std::string& more(std::size_t row, std::size_t i) const {
    return rows_[row].values[places_[i]];
  }
  const std::string& name() const { return source_->name(); }  // for messages

 private:
  RowBatches(const RowEncoder& encoder, std::unique_ptr<RowSource> source,
             std::vector<std::size_t> places)
      : encoder_(&encoder), source_(std::move(source)), places_(std::move(places)) {}
  const RowEncoder* encoder_;
  std::unique_ptr<RowSource> source_;
  std::vector<std::size_t> places_;  // of `more`, among a row's values
  model::Examples examples_;
  std::vector<FlatRow> rows_;
};

}  // namespace veilsum::client
