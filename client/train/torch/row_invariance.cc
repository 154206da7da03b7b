#include "client/train/torch/row_invariance.h"

#include <cstring>
#include <vector>

namespace veilsum::client::torch_engine {
namespace {

// A batch of customers of one row, each moved along by some places, of which one is live.
class MovedBatch {
 public:
  MovedBatch(const Net& net, const Batch& batch, std::size_t places, bool others)
      : rows_(batch.rows), places_(places), others_(others), lengths_(batch.rows, 0) {
    moved_ = batch;
    moved_.x = Move(batch.x, NumericInputs(net));
    moved_.labels = Move(batch.labels, net.heads.size());
    moved_.factors = Move(batch.factors, HiddenUnits(net));
    moved_.counts = Move(batch.counts, net.heads.front().outputs);
    moved_.rewards = Move(batch.rewards, 1);
    moved_.active = Move(batch.active);
    for (IdList& list : moved_.lists) list = Move(list);
    moved_.lengths = lengths_.data();
  }
  // Only this customer counts, and, without others, only its inputs are not 0.
  Batch Alone(std::size_t customer, std::size_t numeric) {
    const std::size_t at = (customer + places_) % rows_;
    lengths_.assign(rows_, 0);
    lengths_[at] = 1;
    Batch batch = moved_;
    if (others_ || batch.x == nullptr) return batch;
    alone_.assign(rows_ * numeric, 0);
    std::memcpy(alone_.data() + at * numeric, batch.x + at * numeric, numeric * sizeof(float));
    batch.x = alone_.data();
    return batch;
  }

 private:
  template <class T>
  const T* Move(const T* data, std::size_t columns, std::vector<std::vector<T>>& held) {
    if (data == nullptr) return nullptr;
    std::vector<T>& to = held.emplace_back(rows_ * columns);
    const std::size_t first = places_ * columns, rest = (rows_ - places_) * columns;
    std::memcpy(to.data() + first, data, rest * sizeof(T));
    std::memcpy(to.data(), data + rest, first * sizeof(T));
    return to.data();
  }
  const float* Move(const float* data, std::size_t columns) { return Move(data, columns, floats_); }
  IdList Move(const IdList& list) {
    return {list.slots, Move(list.ids, list.slots, ids_), Move(list.weights, list.slots)};
  }

  std::size_t rows_, places_;
  bool others_;
  Batch moved_;
  std::vector<std::int64_t> lengths_;
  std::vector<std::vector<float>> floats_;
  std::vector<std::vector<std::uint32_t>> ids_;
  std::vector<float> alone_;
};

}  // namespace

std::string RowInvarianceError(const Net& net, const Batch& batch, const SumOfBatch& sum_of) {
  if (batch.customer_rows != 1) return "customer_rows must be 1";
  const std::size_t rows = batch.rows;
  std::vector<float> first(Parameters(net)), sum(first.size());
  std::string error;
  for (const std::size_t customer : {std::size_t{0}, rows / 3, rows - 1})
    for (const std::size_t places : {std::size_t{0}, std::size_t{1}, rows / 2, rows - 1})
      for (const bool others : {true, false}) {
        MovedBatch moved(net, batch, places, others);
        const bool known = places != 0 || !others;
        std::vector<float>& to = known ? sum : first;
        if (!sum_of(moved.Alone(customer, NumericInputs(net)), to.data(), error)) return error;
        if (known && std::memcmp(first.data(), sum.data(), sum.size() * sizeof(float)) != 0)
          return "customer " + std::to_string(customer) + " has other bits " +
                 std::to_string(places) + " places on" + (others ? "" : ", alone");
      }
  return "";
}

}  // namespace veilsum::client::torch_engine
