// The first weights of a run that continues from an earlier release instead of a seed: what the two
// networks have in common, and new numbers for the rest. A function of public things alone: weights
// of a released model, two plans, a seed.
#pragma once

#include "model/layout.h"
#include "model/plan/plan.h"

namespace veilsum::model {

// LayoutOf(plan).size() numbers. `earlier_model` is of LayoutOf(earlier).
// The trunk, all but the last layer and direct bags, is the earlier one bit for bit, and so are the
// standardisation buffers, which a statistics round then replaces. Last layer and direct bags are
// the earlier ones where task, label and side heads are the same, else those of InitialModel and
// `seed`. A clip norm of merchant mode is not taken over: its plan says where it begins.
//
// InvalidArgument naming what differs: the unit or hold-out (customers that the earlier model has
// learnt from would judge this one), the first feature, a hidden layer, normalisation, whether
// numbers are standardised; an earlier model of another size or with a number that is not finite;
// another label where nothing comes before the last layer. FailedPrecondition: the earlier plan
// adds no noise (SE-12).
absl::StatusOr<ModelVector> StartFrom(const Plan& earlier, const ModelVector& earlier_model,
                                      const Plan& plan, std::uint64_t seed);

}  // namespace veilsum::model
