// What becomes of decoded sums that are not plain steps: rows of a banded run, updates of a local
// one.
#include "coordinator/run/training_state.h"

#include <random>

#include "dp/mechanism/noise_share.h"
#include "tests/support/seeded_rng.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/coordinator/run/small_terms.h"

namespace veilsum::coordinator {
namespace {

using Values = std::vector<std::int64_t>;

RunTerms Terms(int bands, int local_steps = 0) {
  model::SmallPlan plan = QuickPlan();
  plan.steps = 8;
  plan.attempts_max = 12;
  plan.sampling_rate = "1/4";
  plan.bands = bands;
  plan.local_steps = local_steps;
  plan.averaging = "0.5";
  return SmallTerms(plan, 5);
}

Values SomeStep(std::size_t size, std::mt19937_64& random) {
  std::uniform_int_distribution<std::int64_t> any(-(1 << 20), 1 << 20);
  Values step(size);
  for (std::int64_t& number : step) number = any(random);
  return step;
}

// The row that merchants would send, without noise.
Values RowOf(dp::BandEncoder& encoder, std::uint64_t t, Values step) {
  for (std::int64_t& number : step) number <<= dp::kBandGuardBits;
  SeededRngForTests rng(1);
  return dp::NoiseShare::CreateWithoutPrivacy()
      .AddTo(*encoder.Row(t, dp::ClippedSum::FromCertifiedContributions(std::move(step))), rng)
      .integers();
}

double Distance(const model::ModelVector& a, const model::ModelVector& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    most = std::max(most, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return most;
}

TEST(TrainingState, RowsOfABandedRunMakeTheModelOfTheirSteps) {
  const RunTerms plain = Terms(1), banded = Terms(3);
  auto one = TrainingState::Create(plain, 3).value(),
       three = TrainingState::Create(banded, 3).value();
  dp::BandEncoder encoder(*dp::BandMatrix::Create(3), plain.layout().parameters(),
                          dp::kBandGuardBits);
  std::mt19937_64 random(1);
  for (std::uint64_t t = 1; t <= 8; ++t) {
    const Values step = SomeStep(plain.layout().parameters(), random);
    ASSERT_OK(one.Apply(plain, {0, t}, step, 5));
    ASSERT_OK(three.Apply(banded, {0, t}, RowOf(encoder, t, step), 5));
    EXPECT_LT(Distance(one.iterate(), three.iterate()), 1e-4) << t;  // rows are rounded
  }
  EXPECT_GT(Distance(one.iterate(), TrainingState::Create(plain, 3)->iterate()), 0.01);
}

TEST(TrainingState, ABandedRunContinuesBitForBitFromWhatWasSaved) {
  const RunTerms terms = Terms(3);
  auto state = TrainingState::Create(terms, 3).value();
  std::mt19937_64 random(2);
  for (const std::uint64_t t : {1, 2, 4, 5, 9}) {  // lost rows between
    const Values row = SomeStep(terms.layout().parameters(), random);
    ASSERT_OK_AND_ASSIGN(TrainingState restored, TrainingState::Restore(terms, state.Save()));
    ASSERT_OK(state.Apply(terms, {0, t}, row, 5));
    ASSERT_OK(restored.Apply(terms, {0, t}, row, 5));
    EXPECT_EQ(restored.Save(), state.Save()) << t;
  }
  Bytes cut = state.Save();
  cut.resize(20);
  EXPECT_THAT(TrainingState::Restore(terms, cut),
              StatusIs(absl::StatusCode::kInvalidArgument, "last steps"));
  EXPECT_FALSE(TrainingState::Restore(Terms(1), state.Save()).ok());
}

// SE-13: equal weight, whoever of them was there.
TEST(TrainingState, LocalUpdatesMoveTheModelByTheirMean) {
  const RunTerms terms = Terms(1, 4);
  auto state = TrainingState::Create(terms, 3).value();
  const model::ModelVector before = state.iterate();
  Values sum(terms.layout().parameters());
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = static_cast<std::int64_t>(i) << 13;
  ASSERT_OK(state.Apply(terms, {0, 1}, sum, 4));
  const std::size_t buffers = terms.layout().buffers();
  for (std::size_t i = 0; i < sum.size(); ++i)  // scale 2^16, four merchants
    EXPECT_NEAR(state.iterate()[buffers + i] - before[buffers + i], static_cast<double>(i) / 8 / 4,
                1e-5);
  EXPECT_EQ(state.step(), 1u);
}

// What the mean of the merchants' updates is, an optimizer may take for a gradient (FedOpt).
TEST(TrainingState, AnOptimizerMayMoveAlongTheMeanOfUpdates) {
  model::SmallPlan plan = QuickPlan();
  plan.local_steps = 2;
  plan.training = "optimizer = \"sgd\"\nmomentum = \"0.5\"\nserver_learning_rate = \"0.25\"\n";
  const RunTerms terms = SmallTerms(plan, 5);
  auto state = TrainingState::Create(terms, 3).value();
  const model::ModelVector before = state.iterate();
  const Values updates(terms.layout().parameters(), 5 << 16);  // 1 each, of five merchants
  const std::uint64_t sum = terms.contract().sums.size() - 1;
  for (std::uint64_t t = 1; t <= 2; ++t) ASSERT_OK(state.Apply(terms, {sum, t}, updates, 5));
  for (std::size_t i = terms.layout().buffers(); i < before.size(); ++i)
    EXPECT_NEAR(state.iterate()[i] - before[i], 0.25 + 0.25 * 1.5, 1e-5);
}

TEST(TrainingState, L2PullsWeightsWithEveryStep) {
  model::SmallPlan plan = QuickPlan();
  plan.training = "optimizer = \"sgd\"\nmomentum = \"0\"\nl2 = \"10\"\n";  // at rate 0.01
  const RunTerms terms = SmallTerms(plan, 5);
  auto state = TrainingState::Create(terms, 3).value();
  const model::ModelVector before = state.iterate();
  const std::uint64_t sum = terms.contract().sums.size() - 1;
  ASSERT_OK(state.Apply(terms, {sum, 1}, Values(terms.layout().parameters()), 5));
  const model::Layer& first = terms.layout().layers().front();
  for (std::size_t i = first.weight; i < first.bias; ++i)
    EXPECT_FLOAT_EQ(state.iterate()[i], before[i] * 0.9f);
}

}  // namespace
}  // namespace veilsum::coordinator
