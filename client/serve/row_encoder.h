// Flat rows as inputs of the model, by the functions that encode training data: the same row gives
// the same inputs.
#pragma once

#include "client/serve/row_source.h"
#include "model/examples.h"
#include "model/plan/plan.h"

namespace veilsum::client {

class RowEncoder {
 public:
  // FailedPrecondition: the plan has features of events, which one flat row cannot hold.
  static absl::StatusOr<RowEncoder> Create(const model::Plan& plan);

  const std::vector<WantedColumn>& wanted() const { return wanted_; }
  model::Examples Empty() const;
  // Adds the row to examples that Empty made; its label is 0. InvalidArgument "rows.csv:3: column
  // PageValues: ..." leaves them unusable. `name` is for messages.
  absl::Status Append(const FlatRow& row, const std::string& name, model::Examples& to) const;

 private:
  struct Source {
    model::Feature feature;
    std::size_t first_value;  // among wanted()
    std::size_t first_input;
  };
  std::vector<Source> sources_;
  std::vector<WantedColumn> wanted_;
};

}  // namespace veilsum::client
