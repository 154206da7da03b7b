// The rows of a prediction request in JSON, read as they pass: no tree of the body is made, which
// costs more than the predictions do.
#pragma once

#include <functional>
#include <string_view>

#include "client/serve/row_source.h"

namespace veilsum::client {

struct JsonBatch {
  std::size_t rows = 0;
  bool explain = false;  // "explain" of the body
};

// Of an object with an array "rows" of objects: calls `take` with each row, as JsonRows::Read makes
// it; row.line counts from 1. Of a key that is there twice the last counts, and so does the last
// "rows" (`begin` is called before its first row). InvalidArgument: no such body, more than
// `most` rows, a row that JsonRows would refuse; or the first error of `take`. What was taken
// before an error is to be thrown away.
absl::StatusOr<JsonBatch> ReadJsonBatch(std::string_view body,
                                        const std::vector<WantedColumn>& wanted,
                                        const std::string& id_column, std::size_t most,
                                        const std::function<void()>& begin,
                                        const std::function<absl::Status(const FlatRow&)>& take);

}  // namespace veilsum::client
