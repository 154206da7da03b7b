// Some of a merchant's customers, with all of their rows.
#pragma once

#include <vector>

#include "model/examples.h"

namespace veilsum::client {

// The customers of `examples` for which keep[u], in order. Needs keep.size() ==
// examples.customers().
model::Examples SelectCustomers(const model::Examples& examples, const std::vector<bool>& keep);

}  // namespace veilsum::client
