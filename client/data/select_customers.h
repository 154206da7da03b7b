// Some of a merchant's customers, with all of their rows.
#pragma once

#include <vector>

#include "model/examples.h"

namespace veilsum::client {

// The customers of `examples` for which keep[u], in order. Needs keep.size() ==
// examples.customers().
model::Examples SelectCustomers(const model::Examples& examples, const std::vector<bool>& keep);
// All customers of `from`, of the same plan, after those of `to`.
void AppendCustomers(const model::Examples& from, model::Examples& to);
// These rows in this order, each as a customer of its own.
model::Examples SelectRows(const model::Examples& examples, const std::vector<std::size_t>& rows);

}  // namespace veilsum::client
