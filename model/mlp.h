// The reference forward pass, plain enough to read. Engines are tested against it; evaluation uses
// it.
#pragma once

#include "model/examples.h"
#include "model/layout.h"

namespace veilsum::model {

// The outputs of every row, rows x outputs (of the simplest model one logit), bags included. A
// numeric input u becomes clip((u - mean) * scale, -4, 4) when the layout is standardised; hidden
// layers are ReLU, of normalised outputs when the layout has layer norm. `model` has layout.size()
// numbers and `examples` has layout.numeric() numeric features, active inputs below layout.inputs()
// and the lists of its bags; InvalidArgument otherwise.
absl::StatusOr<std::vector<float>> Logits(const Layout& layout, const ModelVector& model,
                                          const Examples& examples);

}  // namespace veilsum::model
