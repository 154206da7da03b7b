#include "client/data/select_customers.h"

namespace veilsum::client {
namespace {

template <typename Values, typename Part>
void Append(const Part& part, Values& values) {
  values.insert(values.end(), part.begin(), part.end());
}

}  // namespace

model::Examples SelectCustomers(const model::Examples& examples, const std::vector<bool>& keep) {
  model::Examples out;
  out.numeric = examples.numeric;
  out.categorical = examples.categorical;
  for (const model::IdList& list : examples.lists)
    out.lists.push_back({list.buckets, list.slots, {}, {}});
  const std::size_t more =  // labels of other heads a row
      examples.rows() == 0 ? 0 : examples.more_labels.size() / examples.rows();
  for (std::size_t u = 0; u < examples.customers(); ++u) {
    if (!keep[u]) continue;
    for (std::size_t row = examples.first_row[u]; row < examples.first_row[u + 1]; ++row) {
      Append(examples.NumericOf(row), out.numeric_values);
      Append(examples.ActiveOf(row), out.active_inputs);
      for (std::size_t i = 0; i < out.lists.size(); ++i) {
        Append(examples.lists[i].IdsOf(row), out.lists[i].ids);
        Append(examples.lists[i].WeightsOf(row), out.lists[i].weights);
      }
      out.labels.push_back(examples.labels[row]);
      if (!examples.rewards.empty()) out.rewards.push_back(examples.rewards[row]);
      Append(std::span(examples.more_labels).subspan(row * more, more), out.more_labels);
    }
    out.first_row.push_back(static_cast<std::uint32_t>(out.rows()));
    if (!examples.groups.empty()) out.groups.push_back(examples.groups[u]);
    if (!examples.customer_ids.empty()) out.customer_ids.push_back(examples.customer_ids[u]);
  }
  return out;
}

}  // namespace veilsum::client
