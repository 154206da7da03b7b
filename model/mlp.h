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

// What the last layer reads of every row, rows x its inputs: the last hidden layer's outputs,
// rectified, where customers are alike whom the model treats alike. In a recommendation this is the
// customer's vector. FailedPrecondition: there is no hidden layer; InvalidArgument as of Logits.
absl::StatusOr<std::vector<float>> Representations(const Layout& layout, const ModelVector& model,
                                                   const Examples& examples);

// The mean over the rows of what each unit of each hidden layer gives, rectified. InvalidArgument
// as of Logits, and without rows.
absl::StatusOr<std::vector<std::vector<double>>> MeanActivations(const Layout& layout,
                                                                 const ModelVector& model,
                                                                 const Examples& examples);

}  // namespace veilsum::model
