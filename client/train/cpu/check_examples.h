// What the engine asks of examples before it trusts their indices.
#pragma once

#include "base/status.h"
#include "model/examples.h"
#include "model/heads.h"
#include "model/layout.h"

namespace veilsum::client::cpu {

// InvalidArgument: sizes, indices or lists that do not fit the layout and the heads (at least one);
// a customer of more than `max_rows` rows, or max_rows over kMaxRowsPerCustomer.
absl::Status CheckExamples(const model::Layout& layout, const model::Examples& examples,
                           std::uint32_t max_rows, const model::Heads& heads);

}  // namespace veilsum::client::cpu
