#include "model/plan/sections/aggregation_rounds.h"

namespace veilsum::model {

std::optional<Cohorts> ReadCohorts(Fields& plan) {
  if (!plan.Has("cohorts")) return std::nullopt;
  Fields fields = plan.Section("cohorts");
  Cohorts cohorts;
  cohorts.count = static_cast<std::uint32_t>(fields.Int("count", 2, kMaxPlanCohorts));
  if (fields.Has("beacon")) cohorts.beacon = fields.Text("beacon", 256);
  if (fields.Has("members_sha256")) cohorts.members_sha256 = fields.Sha256Text("members_sha256");
  if (cohorts.beacon.empty() != cohorts.members_sha256.empty())
    fields.Refuse("beacon", "and members_sha256 must be given together");
  fields.Done();
  return cohorts;
}

Aggregation ReadAggregation(Fields fields, bool cohorts) {
  Aggregation aggregation;
  const auto small = [&](const char* key, std::uint32_t low, std::uint32_t high,
                         std::uint32_t otherwise) {
    return static_cast<std::uint32_t>(fields.Int(key, low, high, otherwise));
  };
  aggregation.min_survivors = small("min_survivors", 0, 255, 0);
  aggregation.colluders = small("colluders", 0, cohorts ? kMaxPlanCohorts * 255 : 253, 0);
  aggregation.key_batch = small("key_batch", 1, 1024, 16);
  aggregation.ring_bits = small("ring_bits", 32, 32, 32);
  aggregation.scale_log2 = small("scale_log2", 10, 30, 20);
  fields.Done();
  return aggregation;
}

Rounds ReadRounds(Fields fields) {
  Rounds rounds;
  rounds.tick_ms = static_cast<std::uint32_t>(fields.Int("tick_ms", 1, 60'000, 20));
  rounds.deadline_ms = static_cast<std::uint32_t>(fields.Int("deadline_ms", 50, 3'600'000, 5000));
  if (rounds.deadline_ms < 2 * rounds.tick_ms)
    fields.Refuse("deadline_ms", "must be at least twice tick_ms");
  fields.Done();
  return rounds;
}

}  // namespace veilsum::model
