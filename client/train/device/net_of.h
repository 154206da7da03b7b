// The net of a layout in the terms of the libtorch engine.
#pragma once

#include "client/train/torch/net.h"
#include "model/heads.h"
#include "model/layout.h"

namespace veilsum::client {

// InvalidArgument: centres, which are no net.
absl::StatusOr<torch_engine::Net> NetOf(const model::Layout& layout, const model::Heads& heads);

}  // namespace veilsum::client
