#include "model/contract/round_schedule.h"

namespace veilsum::model {

std::uint64_t AttemptsMax(const RunContract& contract) {
  return LastRoundOf(contract, contract.sums.size() - 1);
}

std::uint64_t LastRoundOf(const RunContract& contract, std::size_t sum) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i <= sum && i < contract.sums.size(); ++i)
    total += contract.sums[i].attempts_max;
  return total;
}

absl::StatusOr<RoundPurpose> PurposeOf(const RunContract& contract, std::uint64_t round) {
  if (round == 0) return InvalidArgument("round is 0, rounds start at 1");
  std::uint64_t attempt = round;
  for (std::size_t i = 0; i < contract.sums.size(); ++i) {
    if (attempt <= contract.sums[i].attempts_max) return RoundPurpose{i, attempt};
    attempt -= contract.sums[i].attempts_max;
  }
  return ResourceExhausted("DP-04: round %d is beyond the %d attempts of the contract", round,
                           AttemptsMax(contract));
}

Bytes EncodeStepConfig(const StepConfig& config) {
  const absl::StatusOr<std::string> text = EncodeCanonical(Json{
      {"last", config.last}, {"round", config.round}, {"step", config.step}, {"sum", config.sum}});
  VEILSUM_CHECK(text.ok());
  return Bytes(text->begin(), text->end());
}

absl::StatusOr<StepConfig> ParseStepConfig(ByteView bytes) {
  if (bytes.size() > 4096)
    return InvalidArgument("step_config has %d bytes, at most 4096", bytes.size());
  VEILSUM_ASSIGN_OR_RETURN(const Json json, ParseCanonical(AsText(bytes)));
  const auto number = [&](const char* key) -> absl::StatusOr<std::uint64_t> {
    if (!json.is_object() || json.size() != 4 || !json.contains(key) ||
        !json[key].is_number_unsigned())
      return InvalidArgument("step_config must be {last, round, step, sum}, all counts");
    return json[key].get<std::uint64_t>();
  };
  StepConfig config;
  VEILSUM_ASSIGN_OR_RETURN(config.round, number("round"));
  VEILSUM_ASSIGN_OR_RETURN(config.step, number("step"));
  VEILSUM_ASSIGN_OR_RETURN(config.sum, number("sum"));
  VEILSUM_ASSIGN_OR_RETURN(config.last, number("last"));
  return config;
}

}  // namespace veilsum::model
