#include "client/train/torch/row_invariance.h"

#include <cstring>
#include <vector>

namespace veilsum::client::torch_engine {
namespace {

// A batch with each customer moved along by some places, of which one is live.
class MovedBatch {
 public:
  MovedBatch(const Net& net, const Batch& batch, std::size_t places, bool others)
      : customers_(batch.customers()),
        rows_(batch.customer_rows),
        places_(places),
        numeric_(NumericInputs(net)),
        others_(others),
        lengths_(customers_, 0) {
    moved_ = batch;
    moved_.x = Move(batch.x, numeric_);
    moved_.labels = Move(batch.labels, net.heads.size());
    moved_.factors = Move(batch.factors, HiddenUnits(net));
    moved_.counts = Move(batch.counts, net.heads.front().outputs);
    moved_.rewards = Move(batch.rewards, 1);
    moved_.active = Move(batch.active);
    for (IdList& list : moved_.lists) list = Move(list);
    moved_.lengths = lengths_.data();
  }
  // Only this customer counts, with all its rows, and, without others, only its inputs are not 0.
  Batch Alone(std::size_t customer) {
    const std::size_t at = (customer + places_) % customers_;
    lengths_.assign(customers_, 0);
    lengths_[at] = static_cast<std::int64_t>(rows_);
    Batch batch = moved_;
    if (others_ || batch.x == nullptr) return batch;
    const std::size_t numbers = rows_ * numeric_;
    alone_.assign(customers_ * numbers, 0);
    std::memcpy(alone_.data() + at * numbers, batch.x + at * numbers, numbers * sizeof(float));
    batch.x = alone_.data();
    return batch;
  }

 private:
  template <class T>
  const T* Move(const T* data, std::size_t columns, std::vector<std::vector<T>>& held) {
    if (data == nullptr) return nullptr;
    const std::size_t each = rows_ * columns;
    std::vector<T>& to = held.emplace_back(customers_ * each);
    const std::size_t first = places_ * each, rest = (customers_ - places_) * each;
    std::memcpy(to.data() + first, data, rest * sizeof(T));
    std::memcpy(to.data(), data + rest, first * sizeof(T));
    return to.data();
  }
  const float* Move(const float* data, std::size_t columns) { return Move(data, columns, floats_); }
  IdList Move(const IdList& list) {
    return {list.slots, Move(list.ids, list.slots, ids_), Move(list.weights, list.slots)};
  }

  std::size_t customers_, rows_, places_, numeric_;
  bool others_;
  Batch moved_;
  std::vector<std::int64_t> lengths_;
  std::vector<std::vector<float>> floats_;
  std::vector<std::vector<std::uint32_t>> ids_;
  std::vector<float> alone_;
};

}  // namespace

std::string RowInvarianceError(const Net& net, const Batch& batch, const SumOfBatch& sum_of) {
  const std::size_t customers = batch.customers();
  std::vector<double> first(Parameters(net)), sum(first.size());
  std::string error;
  for (const std::size_t customer : {std::size_t{0}, customers / 3, customers - 1})
    for (const std::size_t places : {std::size_t{0}, std::size_t{1}, customers / 2, customers - 1})
      for (const bool others : {true, false}) {
        MovedBatch moved(net, batch, places % customers, others);
        std::vector<double>& to = others ? first : sum;
        if (!sum_of(moved.Alone(customer), to.data(), error)) return error;
        if (!others && std::memcmp(first.data(), sum.data(), sum.size() * sizeof(double)) != 0)
          return "customer " + std::to_string(customer) + ", " + std::to_string(places) +
                 " places on, has other bits alone";
      }
  return "";
}

}  // namespace veilsum::client::torch_engine
