#include "cli/rollout/stage_list.h"

#include <charconv>

namespace veilsum::cli {
namespace {

constexpr coordinator::Seconds kLongest = coordinator::Seconds{365} * 86'400;
constexpr std::size_t kMostSteps = 16;

coordinator::Seconds UnitOf(std::string_view unit) {
  return unit.empty() || unit == "s" ? 1
         : unit == "m"               ? 60
         : unit == "h"               ? 3600
         : unit == "d"               ? 86'400
                                     : 0;
}

absl::StatusOr<coordinator::CanaryStep> ParseStep(std::string_view text) {
  const std::size_t colon = text.find(':');
  std::uint32_t percent = 0;
  const std::string_view head = text.substr(0, colon);
  const auto [end, error] = std::from_chars(head.data(), head.data() + head.size(), percent);
  if (colon == std::string_view::npos || error != std::errc() || end != head.data() + head.size() ||
      percent < 1 || percent > 99)
    return InvalidArgument("step \"%s\" must be PERCENT:TIME with 1 to 99 percent, as 5:12h", text);
  VEILSUM_ASSIGN_OR_RETURN(const coordinator::Seconds bake, ParseDuration(text.substr(colon + 1)));
  return coordinator::CanaryStep{percent, bake};
}

}  // namespace

absl::StatusOr<coordinator::Seconds> ParseDuration(std::string_view text) {
  coordinator::Seconds count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const coordinator::Seconds unit =
      UnitOf({end, static_cast<std::size_t>(text.data() + text.size() - end)});
  if (error != std::errc() || unit == 0 || count < 0 || count > kLongest / unit)
    return InvalidArgument("\"%s\" must be a time of at most 365 days, as 90s, 15m, 4h or 2d",
                           text);
  return count * unit;
}

absl::StatusOr<std::vector<coordinator::CanaryStep>> ParseSteps(std::string_view text) {
  std::vector<coordinator::CanaryStep> steps;
  if (text == "none") return steps;
  for (;;) {
    const std::size_t comma = text.find(',');
    VEILSUM_ASSIGN_OR_RETURN(const coordinator::CanaryStep step, ParseStep(text.substr(0, comma)));
    if (!steps.empty() && step.percent <= steps.back().percent)
      return InvalidArgument("step %d percent comes after %d percent, must be above it",
                             step.percent, steps.back().percent);
    steps.push_back(step);
    if (steps.size() > kMostSteps) return InvalidArgument("more than %d steps", kMostSteps);
    if (comma == std::string_view::npos) return steps;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace veilsum::cli
