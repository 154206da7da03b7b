// Whether a device gives a customer's clipped contribution the same bits whoever stands beside it
// (DP-07, test A11). It has to, for the very shapes, before the device's sums are released with a
// privacy claim: one customer more would otherwise move all terms of the sum. At another place of
// the batch the bits may be others, as libraries treat the rows of a last, narrower tile in other
// ways: places must then be independent of who else is there (client/train/random_slots.h).
#pragma once

#include <functional>
#include <string>

#include "client/train/torch/batch.h"

namespace veilsum::client::torch_engine {

// A clipped sum of a batch: TorchEngine's, or DeviceGroup's.
using SumOfBatch = std::function<bool(const Batch& batch, double* sum, std::string& error)>;

// Sums some customers of the batch one by one, at several places, the others being fillers that
// hold their own rows, or zeros. Empty: always the same bits at a place. Otherwise what differed,
// or the sum's own error. Rows must be finite.
std::string RowInvarianceError(const Net& net, const Batch& batch, const SumOfBatch& sum_of);

}  // namespace veilsum::client::torch_engine
