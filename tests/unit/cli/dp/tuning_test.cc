// Tuning by repeat and select: who runs, who is kept, and what it costs, over runs that a test
// makes up.
#include "cli/operate/tuning.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "dp/accountant/rdp_accountant.h"
#include "dp/analysis/rdp.h"
#include "dp/mechanism/selected_run.h"
#include "model/contract/privacy_terms.h"
#include "tests/support/seeded_rng.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/model/small_plan.h"

namespace veilsum::cli {
namespace {

using absl::StatusCode;

model::SmallPlan Candidate() {
  model::SmallPlan small;
  small.evaluation_attempts = 1;
  small.statistics = false;
  return small;
}

// Two plans that differ in their steps, which is how the fake below tells them apart.
std::vector<model::Plan> Candidates() {
  model::SmallPlan longer = Candidate();
  longer.steps = 6;
  longer.attempts_max = 14;
  return {model::MakeSmallPlan(Candidate()), model::MakeSmallPlan(longer)};
}

std::string ContractOf(const model::Plan& plan) {
  model::RunContract contract;
  contract.plan_sha256 = model::PlanSha256(plan);
  contract.run_id = "run-1";
  contract.federation = "fed.test";
  contract.cohorts = {{model::SmallSeats(5), std::vector<std::uint64_t>(5, 64), 1, 4}};
  contract.sums = model::SumsOf(plan, model::CalibrateCohorts(plan, contract).value());
  return model::ContractToJson(contract).value();
}

class MadeUpRuns final : public TuningRuns {
 public:
  absl::StatusOr<Done> Run(const model::Plan& plan) override {
    ++started[plan.training.steps];
    if (++calls == fails_at) return absl::PermissionDeniedError("POLICY_BUDGET: no more");
    const auto [contract, fresh] = contracts_.try_emplace(plan.training.steps);
    if (fresh) contract->second = ContractOf(plan);
    Done done{"run-" + std::to_string(calls), contract->second};
    if (!hidden) done.roc_auc = 0.5 + 0.01 * ((calls * 7) % 11);
    done.model = {static_cast<std::uint8_t>(calls)};
    return done;
  }
  std::map<std::uint64_t, int> started;  // by steps
  int calls = 0, fails_at = 0;
  bool hidden = false;

 private:
  std::map<std::uint64_t, std::string> contracts_;
};

dp::RepeatCount Count(const char* eta, const char* gamma) {
  return dp::RepeatCount::Create(*Rational::Parse(eta), *Rational::Parse(gamma)).value();
}

TEST(Tuning, RunsAndPlansAreDrawn) {
  double runs = 0, second = 0;
  std::map<std::size_t, int> sizes;
  SeededRngForTests rng(1);
  for (int i = 0; i < 400; ++i) {
    const std::vector<std::size_t> drawn = DrawRuns(2, Count("1", "1/4"), rng);
    ++sizes[drawn.size()];
    runs += static_cast<double>(drawn.size());
    for (const std::size_t candidate : drawn) second += static_cast<double>(candidate);
  }
  // Geometric: mean 4, variance 12; of the plans half each. 5.33 deviations.
  EXPECT_NEAR(runs / 400, 4, 5.33 * std::sqrt(12.0 / 400));
  EXPECT_NEAR(second / runs, 0.5, 5.33 * std::sqrt(0.25 / runs));
  EXPECT_GT(sizes.size(), 5u);
}

TEST(Tuning, KeepsTheBestOfAsManyRunsAsWereDrawn) {
  std::vector<std::size_t> drawn;
  std::uint64_t seed = 0;
  while (drawn.size() < 4) {
    SeededRngForTests rng(++seed);
    drawn = DrawRuns(2, Count("1", "1/4"), rng);
  }
  SeededRngForTests rng(seed);
  MadeUpRuns runs;
  ASSERT_OK_AND_ASSIGN(const Tuned tuned, Tune(Candidates(), Count("1", "1/4"), runs, rng));
  EXPECT_EQ(tuned.candidate, drawn);
  ASSERT_EQ(tuned.runs.size(), drawn.size());
  EXPECT_EQ(static_cast<std::size_t>(runs.calls), drawn.size());
  EXPECT_EQ(runs.started[6], std::ranges::count(drawn, 1u));
  for (std::size_t i = 0; i < tuned.runs.size(); ++i) {
    EXPECT_LE(*tuned.runs[i].roc_auc, *tuned.runs[tuned.best].roc_auc);
    EXPECT_EQ(tuned.runs[i].model, i == tuned.best ? Bytes{std::uint8_t(i + 1)} : Bytes{});
  }
  EXPECT_EQ(tuned.expected_runs, 4);
  EXPECT_EQ(tuned.delta, 1e-5);
  EXPECT_GT(tuned.epsilon_selected, 8 * 0.7) << "a run's own";
  EXPECT_GT(tuned.epsilon_all, tuned.epsilon_selected * 0.5);
}

TEST(Tuning, ClaimsAreThoseOfTheAccountant) {
  SeededRngForTests rng(3);
  MadeUpRuns runs;
  const std::vector<model::Plan> one = {Candidates()[0]};
  ASSERT_OK_AND_ASSIGN(const Tuned tuned, Tune(one, Count("1", "1/4"), runs, rng));
  ASSERT_OK_AND_ASSIGN(const model::RunContract contract,
                       model::ContractFromJson(tuned.runs[0].contract));
  ASSERT_OK_AND_ASSIGN(const model::CheckedPrivacy checked, model::CheckPrivacy(one[0], contract));
  // The larger of the training customers' and the held-out ones', with the noise of 4 survivors for
  // those who see the model alone, of 3 for the coordinator with one merchant.
  const auto at = [](const dp::SumNoise& noise, double shares) {
    return noise.noise_multiplier * std::sqrt(shares / 3);
  };
  const dp::PrivacySchedule trained = {{0.5, at(checked.noise.training, 4), 12}};
  const dp::PrivacySchedule held_out = {{1, at(*checked.noise.evaluation, 4), 1}};
  double selected = 0, all = 0;
  for (const dp::PrivacySchedule& run : {trained, held_out}) {
    dp::RdpAccountant accountant;
    ASSERT_OK(accountant.ComposeSelection({run, {1, 0.25}}));
    selected = std::max(selected, accountant.LossAt(*dp::Delta::Create(1e-5))->epsilon);
  }
  const auto times = static_cast<std::uint64_t>(tuned.runs.size());
  for (const dp::PrivacySchedule& run :
       {dp::PrivacySchedule{{0.5, at(checked.noise.training, 3), 12 * times}},
        dp::PrivacySchedule{{1, at(*checked.noise.evaluation, 3), times}}})
    all = std::max(
        all, dp::EpsilonOfSchedule(run, 1e-5, dp::DefaultOrders(), dp::Refine::kBetweenNeighbours)
                 .epsilon);
  EXPECT_NEAR(tuned.epsilon_selected / selected, 1, 1e-3);
  EXPECT_GE(tuned.epsilon_selected, selected * (1 - 1e-9)) << "slack only adds";
  EXPECT_NEAR(tuned.epsilon_all / all, 1, 1e-3);
  EXPECT_GE(tuned.epsilon_all, all * (1 - 1e-9));
}

// Of candidates with different curves the worst counts at each order, whichever was drawn.
TEST(Tuning, ACandidateThatNoCoinChoseCountsAsWell) {
  std::vector<dp::VerifiedRun> both;
  for (const model::Plan& plan : Candidates()) {
    const model::RunContract contract = model::ContractFromJson(ContractOf(plan)).value();
    const model::CheckedPrivacy checked = model::CheckPrivacy(plan, contract).value();
    both.push_back({checked.input, checked.noise});
  }
  const dp::RepeatRule rule{0, 0.1};
  const double a = dp::EpsilonOfSelection(std::span(both).first(1), rule).value();
  const double b = dp::EpsilonOfSelection(std::span(both).last(1), rule).value();
  EXPECT_GE(dp::EpsilonOfSelection(both, rule).value(), std::max(a, b));
  EXPECT_LE(dp::EpsilonOfSelection(both, rule).value(), 1.01 * std::max(a, b));
  both[1].input.delta = 1e-6;
  EXPECT_THAT(dp::EpsilonOfSelection(both, rule), StatusIs(StatusCode::kInvalidArgument, "delta"));
  both[1].noise.training = {};
  EXPECT_THAT(dp::EpsilonOfRuns(std::span(both).last(1)),
              StatusIs(StatusCode::kInvalidArgument, "without noise"));
  EXPECT_THAT(dp::EpsilonOfRuns({}), StatusIs(StatusCode::kInvalidArgument, "at least one run"));
}

TEST(Tuning, ARunThatIsRefusedEndsItAndNothingIsSelected) {
  SeededRngForTests rng(3);
  MadeUpRuns runs;
  runs.fails_at = 1;
  EXPECT_THAT(Tune(Candidates(), Count("1", "1/4"), runs, rng),
              StatusIs(StatusCode::kPermissionDenied, "nothing is selected"));
  MadeUpRuns hidden;
  hidden.hidden = true;
  EXPECT_THAT(Tune(Candidates(), Count("1", "1/4"), hidden, rng),
              StatusIs(StatusCode::kFailedPrecondition, "no run has a private ROC-AUC"));
}

TEST(Tuning, RefusesCandidatesThatCannotBeCompared) {
  const auto refused = [](const std::function<void(model::Plan&)>& spoil, std::string_view field) {
    std::vector<model::Plan> plans = Candidates();
    spoil(plans[1]);
    EXPECT_THAT(CheckCandidates(plans), StatusIs(StatusCode::kInvalidArgument, std::string(field)));
  };
  refused([](auto& p) { p.evaluation.reset(); }, "has no [evaluation]");
  refused([](auto& p) { p.privacy.mechanism = model::Mechanism::kNone; }, "privacy.mechanism");
  refused([](auto& p) { p.privacy.epsilon = model::Exactly(7); }, "epsilon and delta");
  refused([](auto& p) { p.holdout.equals = 1; }, "unit, holdout");
  EXPECT_THAT(CheckCandidates({}), StatusIs(StatusCode::kInvalidArgument, "at least one plan"));
}

}  // namespace
}  // namespace veilsum::cli
