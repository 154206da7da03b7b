#include "client/data/select_customers.h"

namespace veilsum::client {
namespace {

template <typename Values, typename Part>
void Append(const Part& part, Values& values) {
  values.insert(values.end(), part.begin(), part.end());
}

model::Examples EmptyAs(const model::Examples& examples) {
  model::Examples out;
  out.numeric = examples.numeric;
  out.categorical = examples.categorical;
  for (const model::IdList& list : examples.lists)
    out.lists.push_back({list.buckets, list.slots, {}, {}});
  return out;
}

void AppendRow(const model::Examples& from, std::size_t row, model::Examples& to) {
  const std::size_t more = from.more_labels.size() / from.rows();  // labels of other heads
  Append(from.NumericOf(row), to.numeric_values);
  Append(from.ActiveOf(row), to.active_inputs);
  for (std::size_t i = 0; i < to.lists.size(); ++i) {
    Append(from.lists[i].IdsOf(row), to.lists[i].ids);
    Append(from.lists[i].WeightsOf(row), to.lists[i].weights);
  }
  to.labels.push_back(from.labels[row]);
  if (!from.rewards.empty()) to.rewards.push_back(from.rewards[row]);
  if (!from.propensities.empty()) to.propensities.push_back(from.propensities[row]);
  Append(std::span(from.more_labels).subspan(row * more, more), to.more_labels);
}

// The rows that were appended since are customer u's.
void CloseCustomer(const model::Examples& from, std::size_t u, model::Examples& to) {
  to.first_row.push_back(static_cast<std::uint32_t>(to.rows()));
  if (!from.groups.empty()) to.groups.push_back(from.groups[u]);
  if (!from.customer_ids.empty()) to.customer_ids.push_back(from.customer_ids[u]);
}

void AppendCustomer(const model::Examples& from, std::size_t u, model::Examples& to) {
  for (std::size_t row = from.first_row[u]; row < from.first_row[u + 1]; ++row)
    AppendRow(from, row, to);
  CloseCustomer(from, u, to);
}

}  // namespace

model::Examples SelectCustomers(const model::Examples& examples, const std::vector<bool>& keep) {
  model::Examples out = EmptyAs(examples);
  for (std::size_t u = 0; u < examples.customers(); ++u)
    if (keep[u]) AppendCustomer(examples, u, out);
  return out;
}

void AppendCustomers(const model::Examples& from, model::Examples& to) {
  for (std::size_t u = 0; u < from.customers(); ++u) AppendCustomer(from, u, to);
}

model::Examples SelectRows(const model::Examples& examples, const std::vector<std::size_t>& rows) {
  std::vector<std::size_t> customer_of(examples.rows());
  for (std::size_t u = 0; u < examples.customers(); ++u)
    for (std::size_t row = examples.first_row[u]; row < examples.first_row[u + 1]; ++row)
      customer_of[row] = u;
  model::Examples out = EmptyAs(examples);
  for (const std::size_t row : rows) {
    AppendRow(examples, row, out);
    CloseCustomer(examples, customer_of[row], out);
  }
  return out;
}

}  // namespace veilsum::client
