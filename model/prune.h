// A smaller model out of a larger one: whole hidden units taken away, so that the net is a plain
// one of fewer units and needs no sparse kernels.
#pragma once

#include "model/examples.h"
#include "model/layout.h"

namespace veilsum::model {

struct PrunedModel {
  std::vector<std::size_t> hidden;  // units left of each hidden layer
  Layout layout;                    // of `hidden`, else as before
  ModelVector model;
};

// Of each hidden layer the share `keep` of its units stays, rounded up. A unit counts the L2 norm
// of its incoming weights times that of its outgoing ones (without its bias: a unit whose incoming
// weights are 0 is constant). Layers are taken from the inputs on,
// each judged after those before it have shrunk; of equal units the first ones stay.
//
// What a constant unit gave moves to the biases of the next layer, exactly. What any other unit
// gave is lost, or, with `rows`, replaced by its mean over them in the whole model. The result then
// depends on these rows: whoever has no right to publish that gives none. `rows` may be null.
//
// InvalidArgument: keep not in (0, 1], a model of another layout, rows that do not fit it or none
// of them. FailedPrecondition: no hidden layer, or layer norm (a unit is part of the others'
// scale).
absl::StatusOr<PrunedModel> PruneUnits(const Layout& layout, const ModelVector& model, double keep,
                                       const Examples* rows);

// The same with hidden[l] units left of layer l. InvalidArgument: not one number for each hidden
// layer, 0, or more than it has.
absl::StatusOr<PrunedModel> PruneTo(const Layout& layout, const ModelVector& model,
                                    const std::vector<std::size_t>& hidden, const Examples* rows);

}  // namespace veilsum::model
