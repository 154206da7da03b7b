// The run contract: a plan, the members who run it, and the noise each of them adds (SE-02). Every
// member approves and signs its hash before its first round, so nothing in it comes from the
// coordinator alone afterwards.
#pragma once

#include "base/canonical_json.h"

namespace veilsum::model {

inline constexpr std::size_t kMaxContractBytes = std::size_t{1} << 18;
inline constexpr std::size_t kMaxCohortMembers = 255;

// One kind of secure sum. Reals are decimal strings as computed by dp/; each party recomputes and
// compares them.
struct SumSpec {
  std::string purpose;      // train | statistics | evaluation
  std::uint32_t bits = 32;  // k of the ring Z_2^k: 32 or 64
  std::uint64_t dimension = 0;
  std::uint64_t attempts_max = 0;
  std::uint32_t scale_log2 = 0;
  std::string sensitivity;       // D2, on the integer grid
  std::string noise_sigma;       // S* of the aggregate; "0" without noise
  std::string share_sigma;       // of one merchant
  std::string sampling_rate;     // "a/b" or a decimal
  std::string noise_multiplier;  // S* / D2 as accounted
  friend bool operator==(const SumSpec&, const SumSpec&) = default;
};

struct Cohort {
  std::vector<std::string> members;  // SPIFFE URIs of the seats, strictly increasing
  std::vector<std::uint64_t>
      size_classes;  // of member i: a public power of two above its training customers (SE-15)
  std::uint32_t colluders = 0;      // C
  std::uint32_t min_survivors = 0;  // U_min
  friend bool operator==(const Cohort&, const Cohort&) = default;
};

struct RunContract {
  Hash32 plan_sha256{};
  std::string run_id;      // [a-z0-9-]{1,64}
  std::string federation;  // trust domain
  Hash32 ca_sha256{};      // SHA-256 of the CA certificate's DER
  bool is_private = true;  // "private" in JSON; false only for mechanism none
  std::vector<Cohort> cohorts;
  std::vector<SumSpec> sums;
  friend bool operator==(const RunContract&, const RunContract&) = default;
};

// Checks every field. InvalidArgument naming the field and its bound.
absl::Status CheckContract(const RunContract& contract);

// Canonical JSON, "v": 1. CheckContract's errors.
absl::StatusOr<std::string> ContractToJson(const RunContract& contract);
// Accepts exactly what ContractToJson writes, at most kMaxContractBytes, and CheckContract.
absl::StatusOr<RunContract> ContractFromJson(std::string_view json);

// H("fsa/v1/plan" || 0x00 || contract): the plan_hash of the secure-sum documents. Over the bytes
// as received.
Hash32 ContractHash(std::string_view contract_json);

// The smallest power of two >= max(customers, 64).
std::uint64_t SizeClass(std::uint64_t customers);
// The size class that the contract declares for a member. NotFound when it is no member.
absl::StatusOr<std::uint64_t> SizeClassOfMember(const RunContract& contract,
                                                std::string_view member);

}  // namespace veilsum::model
