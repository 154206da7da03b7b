#include "client/serve/logged_policy.h"

namespace veilsum::client {
namespace {

Decision DecisionOf(const model::Examples& log, std::size_t row, std::span<const float> outputs,
                    double scale, double explore) {
  Decision out;
  for (const float output : outputs) out.values.push_back(static_cast<double>(output) * scale);
  out.action = static_cast<std::size_t>(log.labels[row]);
  out.reward = static_cast<double>(log.rewards[row]) * scale;
  out.propensity = static_cast<double>(log.propensities[row]);
  out.policy = GreedyPolicy(out.values, explore);
  return out;
}

}  // namespace

absl::StatusOr<OffPolicy> EvaluateLogged(const model::QLearning& q, const model::Examples& log,
                                         std::span<const float> outputs, double explore) {
  if (log.propensities.size() != log.rows())
    return FailedPrecondition("the plan names no propensity of the logged actions");
  if (log.rows() == 0) return InvalidArgument("there are no decisions");
  const std::size_t actions = outputs.size() / log.rows();
  std::vector<Episode> episodes(log.customers());
  for (std::size_t u = 0; u < log.customers(); ++u)
    for (std::size_t row = log.first_row[u]; row < log.first_row[u + 1]; ++row)
      episodes[u].push_back(
          DecisionOf(log, row, outputs.subspan(row * actions, actions), q.scale(), explore));
  return EvaluatePolicy(std::move(episodes), q.discount.ToDouble());
}

}  // namespace veilsum::client
