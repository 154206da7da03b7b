#include "client/train/cpu/losses.h"

#include "client/train/loss.h"

namespace veilsum::client::cpu {

Losses::Losses(const model::Layout& layout, const model::Examples& examples,
               const model::Heads& heads, std::size_t max_rows)
    : layout_(layout),
      heads_(heads),
      max_rows_(max_rows),
      items_(heads, examples, max_rows),
      targets_(heads.front(), max_rows),
      scores_(layout.items() ? layout.outputs() : 0),
      score_deltas_(scores_.size()) {}

std::span<const float> Losses::Outputs(std::span<const float> logits) {
  if (!layout_.items()) return logits;
  layout_.items()->Scores(logits, scores_);
  return scores_;
}

void Losses::HeadDeltas(const BatchRows& batch, const Row& row, std::span<const float> outputs,
                        float* delta) {
  const float* output = outputs.data();
  const float* label = batch.Labels(row.at);
  const float* counts = nullptr;
  if (items_.on()) counts = items_.Weights(row.customer, row.at % max_rows_).data();
  for (const model::Head& head : heads_) {
    HeadDelta(head, output, *label++, delta, counts);
    output += head.outputs;
    delta += head.outputs;
    counts = nullptr;  // only the first head's softmax is sampled
  }
}

void Losses::SetDelta(const BatchRows& batch, const Row& row, std::span<const float> logits,
                      std::span<float> delta) {
  if (targets_.on())
    return ActionDelta(heads_.front(), logits.data(), *batch.Labels(row.at),
                       targets_.Of(batch, row.first_place, row.at), delta.data());
  HeadDeltas(batch, row, Outputs(logits), layout_.items() ? score_deltas_.data() : delta.data());
  if (layout_.items()) layout_.items()->Back(score_deltas_, delta);
}

}  // namespace veilsum::client::cpu
