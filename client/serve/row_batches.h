// Rows as a released model reads them, with columns beside those of the model: flat rows, a bounded
// number at a time, or a folder with the plan's tables, all of its rows at once.
#pragma once

#include "client/serve/folder_rows.h"
#include "client/serve/predictor.h"
#include "client/serve/row_source.h"

namespace veilsum::client {

inline constexpr std::size_t kBatchRows = 1024;  // of flat rows
inline constexpr std::size_t kMostFolderValues = 1024;

class RowBatches {
 public:
  // `data`: a file, "-" or a folder, of which `part` is read. `more` may name a column of the model
  // as well, as "table.column" or "column"; without a table it is a column of that name. Of a
  // folder it may be what ReadFolder's may. The predictor outlives this. Errors of
  // Predictor::encoder, OpenRowSource and ReadFolder.
  static absl::StatusOr<RowBatches> Open(const Predictor& predictor, const std::string& data,
                                         CustomersPart part,
                                         const std::vector<WantedColumn>& more = {});

  // Reads the next rows, at least one; false at the end. InvalidArgument "rows.csv:3: ...".
  absl::StatusOr<bool> Next();

  const model::Examples& examples() const { return examples_; }
  const std::vector<FlatRow>& rows() const { return rows_; }
  const std::string& more(std::size_t row, std::size_t i) const {
    return source_ == nullptr ? more_[row][i] : rows_[row].values[places_[i]];
  }
  const std::string& name() const { return name_; }  // for messages

 private:
  explicit RowBatches(std::string name) : name_(std::move(name)) {}
  bool NextOfFolder();
  std::string name_;
  const RowEncoder* encoder_ = nullptr;
  std::unique_ptr<RowSource> source_;  // null: of a folder
  std::vector<std::size_t> places_;    // of `more`, among a row's values
  std::optional<FolderRows> folder_;   // until Next has given it
  std::vector<std::vector<std::string>> more_;
  model::Examples examples_;
  std::vector<FlatRow> rows_;
};

}  // namespace veilsum::client
