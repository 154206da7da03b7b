// Who is in the first so many percent of a rollout: a public, stable hash, so that raising the
// percentage never removes anybody. The label names its version.
#pragma once

#include <cstdint>
#include <string_view>

namespace veilsum::rollout {

inline constexpr std::uint32_t kBuckets = 10'000;

// u64be(SHA-256("veilsum-cohort-v1" || 0x00 || rollout_id || 0x00 || unit_id)[0:8]) mod 10000.
// A client's unit is its SPIFFE ID; a request's is a pseudonym that never leaves the tenant.
std::uint32_t BucketOf(std::string_view rollout_id, std::string_view unit_id);
inline bool IsInCohort(std::string_view rollout_id, std::string_view unit_id,
                       std::uint32_t percent) {
  return BucketOf(rollout_id, unit_id) < 100 * percent;
}

}  // namespace veilsum::rollout
