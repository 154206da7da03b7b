// What the values of actions are compared with (Loss::kTemporal): the reward, and after it the best
// that a target model, an earlier public one, expects of the customer's next row.
#pragma once

#include "client/train/cpu/batch_rows.h"
#include "model/heads.h"
#include "model/layout.h"

namespace veilsum::client::cpu {

class ActionTargets {
 public:
  ActionTargets(const model::Head& head, std::size_t max_rows) : head_(head), max_rows_(max_rows) {}

  bool on() const { return head_.loss == model::Loss::kTemporal; }
  // Of the next Head::target_every sums.
  void Set(const model::ModelVector& model) {
    target_ = model;
    sums_ = 0;
  }
  // The target model of the next sum: the one that was set; else the model of the first sum, and
  // then that of every target_every-th. `places` are the padded customers' rows, slot by slot.
  const model::ModelVector& Start(const model::ModelVector& model, std::size_t places);
  // The best value of the row at a place.
  void SetBest(std::size_t place, double value) { best_[place] = value; }
  // Of row `at` of a micro-batch whose first row is at `first_place`.
  double Of(const BatchRows& rows, std::size_t first_place, std::size_t at) const;

 private:
  const model::Head head_;
  std::size_t max_rows_;
  model::ModelVector target_;
  std::size_t sums_ = 0;  // since the target was set
  std::vector<double> best_;
};

}  // namespace veilsum::client::cpu
