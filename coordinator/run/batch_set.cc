#include "coordinator/run/batch_set.h"

#include <algorithm>

namespace veilsum::coordinator {

using secure_agg::ServerBatch;

BatchSet::BatchSet(std::vector<std::optional<ServerBatch>> batches) : batches_(std::move(batches)) {
  VEILSUM_CHECK(std::ranges::any_of(batches_, [](const auto& b) { return b.has_value(); }));
}

const secure_agg::BatchId& BatchSet::id() const {
  return (*std::ranges::find_if(batches_, [](const auto& b) { return b.has_value(); }))->id();
}

std::size_t BatchSet::remaining_slots() const {
  std::size_t slots = secure_agg::kMaxSlots;
  for (const std::optional<ServerBatch>& batch : batches_)
    if (batch) slots = std::min(slots, batch->remaining_slots());
  return slots;
}

Hash32 BatchSet::setup_hash() const {
  if (batches_.size() == 1) return batches_.front()->setup_hash();
  Transcript all("veilsum/v1/setups");
  for (const std::optional<ServerBatch>& batch : batches_)
    all.Add(batch ? batch->setup_hash() : Hash32{});
  return all.Sha256();
}

MemberList BatchSet::members() const {
  MemberList members;
  for (const std::optional<ServerBatch>& batch : batches_)
    if (batch)
      for (const RosterIndex i : batch->active().Indices())
        members.push_back(batch->roster().uri(i));
  std::ranges::sort(members);
  return members;
}

bool BatchSet::MayOpen(std::size_t cohort, const std::set<std::string>& holders) const {
  const ServerBatch* const batch = of(cohort);
  if (batch == nullptr) return false;
  const auto present = std::ranges::count_if(batch->active().Indices(), [&](RosterIndex i) {
    return holders.contains(batch->roster().uri(i));
  });
  return static_cast<std::size_t>(present) >= batch->roster().thresholds().floor;
}

bool BatchSet::MayOpen(const std::set<std::string>& holders) const {
  for (std::size_t g = 0; g < batches_.size(); ++g)
    if (MayOpen(g, holders)) return true;
  return false;
}

}  // namespace veilsum::coordinator
