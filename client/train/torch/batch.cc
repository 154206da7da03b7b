#include "client/train/torch/batch.h"

#include <algorithm>
#include <span>

namespace veilsum::client::torch_engine {
namespace {

template <class T>
void Move(const T*& array, std::size_t numbers) {
  if (array != nullptr) array += numbers;
}

// A device would stop for good at an id that its table does not have.
std::string ListError(const std::string& name, const IdList& list, std::size_t rows,
                      std::size_t buckets) {
  if (list.slots == 0 || list.ids == nullptr) return name + " has no ids";
  const std::uint32_t most = std::ranges::max(std::span(list.ids, rows * list.slots));
  if (most >= buckets)
    return name + " has id " + std::to_string(most) + ", must be below " + std::to_string(buckets);
  return "";
}

std::string ListsError(const Net& net, const Batch& batch) {
  const auto check = [&](std::size_t list, std::size_t buckets) {
    const std::string name = "lists[" + std::to_string(list) + "]";
    if (list >= batch.lists.size()) return name + " is missing";
    return ListError(name, batch.lists[list], batch.rows, buckets);
  };
  if (batch.rows == 0) return "";
  if (net.one_hot != 0)
    if (auto error = ListError("active", batch.active, batch.rows, net.one_hot); !error.empty())
      return error;
  for (const Bag& bag : net.bags)
    if (auto error = check(bag.list, bag.buckets); !error.empty()) return error;
  for (const Sequence& sequence : net.sequences) {
    if (auto error = check(sequence.list, sequence.buckets); !error.empty()) return error;
    if (batch.lists[sequence.list].slots < sequence.kernel)
      return "sequences: kernel is longer than the list";
  }
  return "";
}

}  // namespace

Batch Batch::Part(const Net& net, std::size_t first_customer, std::size_t customers) const {
  Batch part = *this;
  const std::size_t first = first_customer * customer_rows;
  part.rows = customers * customer_rows;
  Move(part.x, first * NumericInputs(net));
  Move(part.labels, first * net.heads.size());
  Move(part.factors, first * HiddenUnits(net));
  Move(part.counts, first * net.heads.front().outputs);
  Move(part.lengths, first_customer);
  Move(part.rewards, first);
  part.lists.insert(part.lists.begin(), active);
  for (IdList& list : part.lists) {
    Move(list.ids, first * list.slots);
    Move(list.weights, first * list.slots);
  }
  part.active = part.lists.front();
  part.lists.erase(part.lists.begin());
  return part;
}

std::string BatchError(const Net& net, const Batch& batch) {
  const Loss loss = net.heads.front().loss;
  if (batch.customer_rows == 0 || batch.rows % batch.customer_rows != 0)
    return "customer_rows is " + std::to_string(batch.customer_rows) + ", must divide rows, " +
           std::to_string(batch.rows);
  if (batch.counts != nullptr && loss != Loss::kSoftmax)
    return "counts: the first head is not a softmax";
  const bool targets = batch.rewards != nullptr && batch.target != nullptr;
  if (loss == Loss::kTemporal && !targets) return "rewards and target: action values need them";
  return ListsError(net, batch);
}

}  // namespace veilsum::client::torch_engine
