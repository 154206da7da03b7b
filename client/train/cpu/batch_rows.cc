#include "client/train/cpu/batch_rows.h"

namespace veilsum::client::cpu {

void BatchRows::Fill(std::size_t at, std::optional<std::size_t> row) {
  const std::size_t more = heads_ - 1;
  live_[at] = row ? 1 : 0;
  labels_[at * heads_] = row ? examples_.labels[*row] : 0;
  for (std::size_t h = 0; h < more; ++h)
    labels_[at * heads_ + 1 + h] = row ? examples_.more_labels[*row * more + h] : 0;
  if (!examples_.rewards.empty()) rewards_[at] = row ? examples_.rewards[*row] : 0;
}

}  // namespace veilsum::client::cpu
