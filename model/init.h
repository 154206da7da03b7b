// A model's first numbers, from a seed, the same on every machine: He initialisation (He, Zhang,
// Ren, Sun 2015, arXiv 1502.01852, eq. 10), normal variates by Box and Muller over a counter-based
// stream.
#pragma once

#include "model/heads.h"
#include "model/layout.h"

namespace veilsum::model {

// Weights N(0, 2 / inputs of the layer), the first layer's times 0.3, the last one's times 0.1,
// biases 0; a single linear layer and direct bags start at 0, the tables of other bags at N(0, 1).
// input.mean is 0 and input.scale is 1. Parameter j
// depends on (seed, j) alone. Not for anything secret.
// With Loss::kCentres: centres far from one another, chosen among N(0, r^2 I) one after the other,
// each as far as can be from those before (after Su et al. 2016, arXiv 1504.05998, whose centres
// are as far apart as the domain allows, and Gonzalez 1985); their shares are equal.
ModelVector InitialModel(const Layout& layout, std::uint64_t seed, const Heads& heads = {});

}  // namespace veilsum::model
