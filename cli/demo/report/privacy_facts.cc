#include "cli/demo/report/privacy_facts.h"

#include <algorithm>
#include <cmath>

#include "model/contract/privacy_terms.h"

namespace veilsum::cli {
namespace {

std::optional<double> Finite(double value) {
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

void AddStatement(const dp::PrivacyStatement& s, PrivacyFacts& facts) {
  facts.epsilon = facts.epsilon_coordinator_plus_t = Finite(s.epsilon);
  facts.epsilon_rdp = Finite(s.epsilon_rdp);
  facts.epsilon_coordinator = Finite(s.epsilon_coordinator);
  facts.epsilon_outsider = Finite(s.epsilon_outsider);
  facts.epsilon_all_others = Finite(s.epsilon_all_others);
  facts.epsilon_customer = Finite(s.epsilon_customer);
  facts.epsilon_person_2 = Finite(s.epsilon_person[0]);
  facts.epsilon_person_3 = Finite(s.epsilon_person[1]);
  facts.epsilon_filter = Finite(std::max(s.epsilon_filter, s.evaluation_filter));
  facts.delta_slack = Finite(s.delta_slack);
  facts.statistics_epsilon = Finite(s.statistics_epsilon);
  if (s.evaluation_epsilon > 0) facts.evaluation_epsilon = Finite(s.evaluation_epsilon);
}

std::vector<std::string> Unprotected(const model::RunContract& contract) {
  std::vector<std::string> what = {
      "who the merchants are, and the declared size class (a power of two) of each",
      "that a merchant was left out because its data are too few or cannot be used",
      "which merchants were missing in a round"};
  if (contract.cohorts.size() > 1)
    what.push_back(absl::StrFormat(
        "to the coordinator, the noised sum of each of the %d cohorts apart (its figures hold for "
        "each); others see their total",
        contract.cohorts.size()));
  if (!contract.is_private) what.push_back("everything that the models show: no noise was added");
  return what;
}

}  // namespace

absl::StatusOr<PrivacyFacts> PrivacyFactsOf(const model::Plan& plan,
                                            const model::RunContract& contract,
                                            const Charged& charged) {
  VEILSUM_ASSIGN_OR_RETURN(const model::CheckedPrivacy checked,
                           model::CheckPrivacy(plan, contract));
  PrivacyFacts facts;
  facts.is_private = contract.is_private;
  facts.accountant = dp::NameOf(checked.input.accountant);
  facts.colluders = checked.input.cohort.colluders;
  const bool merchants = plan.training.mode == model::Mode::kMerchant;
  facts.unit = merchants ? "merchant (all of its data, against none)" : plan.unit.column;
  facts.sampling_rate = merchants ? 1 : plan.training.sampling_rate.ToDouble();
  facts.mode = merchants                                   ? "merchant"
               : plan.training.mode == model::Mode::kLocal ? "local"
                                                           : "distributed";
  facts.bands = plan.training.bands;
  facts.local_steps = plan.training.local_steps;
  facts.clip_norm = checked.input.training.grid.clip_norm;
  facts.steps = charged.steps;
  facts.attempts = charged.attempts;
  facts.attempts_max = model::TrainingSum(contract).attempts_max;
  facts.unprotected = Unprotected(contract);
  if (!contract.is_private) return facts;
  AddStatement(checked.statement, facts);
  facts.delta = checked.input.delta;
  facts.noise_multiplier = checked.noise.training.noise_multiplier;
  return facts;
}

}  // namespace veilsum::cli
