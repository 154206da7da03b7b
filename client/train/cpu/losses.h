// From a row's outputs to the derivatives of its losses, which the backward pass starts from.
#pragma once

#include "client/train/cpu/action_targets.h"
#include "client/train/cpu/layers.h"
#include "client/train/cpu/sampled_items.h"

namespace veilsum::client::cpu {

class Losses {
 public:
  // All references outlive this. At least one head.
  Losses(const model::Layout& layout, const model::Examples& examples, const model::Heads& heads,
         std::size_t max_rows);

  SampledItems& items() { return items_; }
  ActionTargets& targets() { return targets_; }
  // A row's outputs: logits, or the items' scores where they have attributes. Valid until the next
  // call.
  std::span<const float> Outputs(std::span<const float> logits);
  // Row `at` of a micro-batch whose first row is the call's `first_place`-th, slot by slot.
  struct Row {
    std::size_t at, first_place;
    std::optional<std::uint32_t> customer;  // who sits there
  };
  // The derivatives of its heads' losses into `delta`, one a logit.
  void SetDelta(const BatchRows& batch, const Row& row, std::span<const float> logits,
                std::span<float> delta);

 private:
  void HeadDeltas(const BatchRows& batch, const Row& row, std::span<const float> outputs,
                  float* delta);

  const model::Layout& layout_;
  const model::Heads& heads_;
  std::size_t max_rows_;
  SampledItems items_;
  ActionTargets targets_;
  std::vector<float> scores_, score_deltas_;  // of one row's items, where they have attributes
};

}  // namespace veilsum::client::cpu
