// Whether a device gives a customer's clipped contribution the same bits wherever the customer
// stands and whoever stands beside it (DP-07, test A11). It has to, for the very shapes, before the
// device's sums could be released with a privacy claim: one customer more would otherwise move all
// terms of the sum.
#pragma once

#include <functional>
#include <string>

#include "client/train/torch/batch.h"

namespace veilsum::client::torch_engine {

// A clipped sum of a batch: TorchEngine's, or DeviceGroup's.
using SumOfBatch = std::function<bool(const Batch& batch, double* sum, std::string& error)>;

// Sums some customers of the batch one by one, the others being fillers that hold their own rows,
// or zeros, with all of them moved along by several numbers of places. Empty: always the same bits
// beside whichever others, and, of customers of one row, at all these places; several rows of one
// may be added up in an order that depends on the place. Otherwise what differed, or the sum's own
// error. Rows must be finite.
std::string RowInvarianceError(const Net& net, const Batch& batch, const SumOfBatch& sum_of);

}  // namespace veilsum::client::torch_engine
