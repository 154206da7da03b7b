// What each round of a contract is for: rounds are numbered from 1 over all purposes (SE-05), and
// the contract's sums take consecutive numbers in their order: first the attempts of sums[0], then
// those of sums[1]. So a round's purpose is a function of its number, which every client checks for
// itself. A coordinator may pass over attempts that training did not need, so that evaluation
// follows the last step: what was never opened is charged to nobody, and no number comes twice.
#pragma once

#include "model/contract/run_contract.h"

namespace veilsum::model {

struct RoundPurpose {
  std::size_t sum = 0;        // index into contract.sums
  std::uint64_t attempt = 0;  // from 1, within that sum
};

// All attempts that the contract pays for: the highest round number.
std::uint64_t AttemptsMax(const RunContract& contract);

// The last round number of contract.sums[sum].
std::uint64_t LastRoundOf(const RunContract& contract, std::size_t sum);

// ResourceExhausted beyond AttemptsMax (DP-04); InvalidArgument for round 0.
absl::StatusOr<RoundPurpose> PurposeOf(const RunContract& contract, std::uint64_t round);

// What a RoundStart's step_config carries: canonical JSON of these, at most 4096 bytes (SA-16).
struct StepConfig {
  std::uint64_t round = 0;
  std::uint64_t step = 0;  // published training rounds so far
  std::uint64_t sum = 0;
  std::uint64_t last = 0;  // of the block of attempts that was charged with this round (SE-10)
};
Bytes EncodeStepConfig(const StepConfig& config);
absl::StatusOr<StepConfig> ParseStepConfig(ByteView bytes);

}  // namespace veilsum::model
