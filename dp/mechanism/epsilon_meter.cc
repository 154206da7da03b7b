// Privacy loss so far, at the orders of the accountant (EpsilonMeter of distributed_gaussian.h).
#include <algorithm>
#include <span>

#include "dp/analysis/rdp.h"
#include "dp/mechanism/distributed_gaussian.h"
#include "dp/mechanism/integer_noise.h"
#include "dp/mechanism/run_facts.h"
#include "dp/mechanism/run_loss.h"

namespace veilsum::dp {

absl::StatusOr<EpsilonMeter> EpsilonMeter::Create(const RunPrivacyInput& input,
                                                  const RunPrivacy& privacy) {
  VEILSUM_ASSIGN_OR_RETURN(const RunFacts facts, FactsOf(input));
  if (facts.statistics.has_value() != privacy.statistics.has_value())
    return InvalidArgument("statistics are in the plan or in its privacy, but not in both");
  if (facts.evaluation.has_value() != privacy.evaluation.has_value())
    return InvalidArgument("evaluation is in the plan or in its privacy, but not in both");
  EpsilonMeter meter;
  meter.is_private_ = privacy.is_private;
  if (!privacy.is_private) return meter;
  meter.delta_ = facts.delta - privacy.statement.delta_slack;
  meter.claim_ = privacy.statement.epsilon;
  meter.bands_ = facts.training.bands;
  meter.local_steps_ = facts.training.local_steps;
  meter.training_rdp_ = RdpPerRelease(facts.training, privacy.training);
  if (facts.statistics)
    meter.statistics_rdp_ = RdpPerRelease(*facts.statistics, *privacy.statistics);
  if (facts.evaluation)
    meter.evaluation_rdp_ = RdpPerRelease(*facts.evaluation, *privacy.evaluation);
  return meter;
}

double EpsilonMeter::After(std::uint64_t statistics_attempts, std::uint64_t training_attempts,
                           std::uint64_t evaluation_attempts) const {
  if (!is_private_) return kInfinity;
  const std::span<const double> orders = DefaultOrders();
  const auto least = [&](const auto& rdp_at) {
    double best = claim_;
    for (std::size_t i = 0; i < orders.size(); ++i)
      best = std::min(best, EpsilonAtOrder(orders[i], rdp_at(i), delta_));
    return best;
  };
  const double releases =
      static_cast<double>(local_steps_ > 0 ? training_attempts * local_steps_
                                           : (training_attempts + bands_ - 1) / bands_);
  double spent = 0;
  if (statistics_attempts > 0 || training_attempts > 0)
    spent = least([&](std::size_t i) {
      const double training = releases * training_rdp_[i];
      return statistics_rdp_.empty()
                 ? training
                 : training + static_cast<double>(statistics_attempts) * statistics_rdp_[i];
    });
  if (evaluation_attempts > 0 && !evaluation_rdp_.empty())
    spent = std::max(spent, least([&](std::size_t i) {
                       return static_cast<double>(evaluation_attempts) * evaluation_rdp_[i];
                     }));
  return spent;
}

}  // namespace veilsum::dp
